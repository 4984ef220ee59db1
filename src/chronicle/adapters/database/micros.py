"""Times as both databases keep them: whole microseconds since 1970, in UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970, as times are stored. Exact, where a float would round."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment, in UTC."""
    # Half the time that a timedelta of so many microseconds takes; each row has several.
    return _EPOCH + _MICROSECOND * micros


def optional_micros(moment: datetime | None) -> int | None:
    """`to_micros`, or None for None."""
    return None if moment is None else to_micros(moment)


def optional_moment(micros: int | None) -> datetime | None:
    """`from_micros`, or None for None."""
    return None if micros is None else from_micros(micros)
