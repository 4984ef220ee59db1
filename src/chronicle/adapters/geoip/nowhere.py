"""No file says where addresses are."""


class Nowhere:
    """`security.ports.Places` that knows none."""

    def of(self, address: str) -> str | None:  # noqa: ARG002 - the port's
        """None."""
        return None
