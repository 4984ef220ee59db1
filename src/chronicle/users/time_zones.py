"""Time zones by name: those of the IANA time zone database, the same on every machine."""

from functools import cache
from importlib import resources

from chronicle.errors import FieldError, Rejected


def parse_time_zone(text: str, *, current: str | None) -> str:
    """Read the name of a time zone; the one that an account has already stays, known or not.

    Raises:
        Rejected: `invalid_request` for the field `timezone`.
    """
    if text != current and text not in _known():
        wrong = FieldError("timezone", "is not a time zone that is known, like Europe/London")
        raise Rejected("invalid_request", f"{wrong.field}: {wrong.message}", fields=(wrong,))
    return text


@cache
def _known() -> frozenset[str]:
    # Not zoneinfo's: it opens every file of the system's database, and a system may have none.
    file = resources.files("tzdata").joinpath("zones")
    return frozenset(file.read_text(encoding="ascii").split())
