"""How much one address may have going at once, counted in this process alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from chronicle.errors import TooMany
from chronicle.security.limits import networks_of

_RETRY_AFTER_SECONDS = 5


class Cap:
    """At most so many of something at once for each address, or /64 of IPv6."""

    __slots__ = ("_counts", "_most", "_what")

    def __init__(self, most: int, what: str) -> None:
        """`what` is counted, in words for people, in the plural."""
        self._most = most
        self._what = what
        self._counts: dict[str, int] = {}

    def enter(self, address: str) -> str:
        """Count one more; under which name to `leave` again.

        Raises:
            TooMany: `too_many_at_once`: this address has as many as it may; nothing was counted.
        """
        name = networks_of(address)[0][1] if ":" in address else address
        count = self._counts.get(name, 0)
        if count >= self._most:
            raise TooMany(
                "too_many_at_once",
                f"At most {self._most} {self._what} at once from one address.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        self._counts[name] = count + 1
        return name

    def leave(self, name: str) -> None:
        """Count one less."""
        left = self._counts[name] - 1
        if left:
            self._counts[name] = left
        else:
            del self._counts[name]

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Count one for the block. TooMany, as `enter`."""
        name = self.enter(address)
        try:
            yield
        finally:
            self.leave(name)
