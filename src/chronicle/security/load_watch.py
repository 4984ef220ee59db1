"""Whether strangers make more work than usual: the load under which a challenge is demanded.

Each process watches itself. What starts it: passwords that wait for the hash pool while it is
nearly full, or many failed sign-ins and asked-for mails at once, from whatever addresses. It ends
some minutes after the last such moment and not earlier, so it does not flicker.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

MOST = 20
WITHIN = timedelta(seconds=10)
LASTS = timedelta(minutes=5)


class LoadWatch:
    """Counts what strangers cost, and says whether it is too much."""

    __slots__ = ("_clock", "_high_until", "_noted")

    def __init__(self, clock: Callable[[], datetime], *, scale: int = 1) -> None:
        """`scale` multiplies how much is usual."""
        self._clock = clock
        self._noted: deque[datetime] = deque(maxlen=MOST * scale)
        self._high_until: datetime | None = None

    def note(self) -> None:
        """A sign-in failed, or a mail was asked for: the 20th within 10 seconds is too much."""
        now = self._clock()
        self._noted.append(now)
        if len(self._noted) == self._noted.maxlen and now - self._noted[0] < WITHIN:
            self._high_until = now + LASTS

    def strained(self) -> None:
        """The hash pool is nearly full: that alone is too much."""
        self._high_until = self._clock() + LASTS

    @property
    def is_high(self) -> bool:
        """Whether it was too much at any moment of the last five minutes."""
        return self._high_until is not None and self._clock() < self._high_until
