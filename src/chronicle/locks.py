"""A lock that all processes share, for what only one of them should do at a time.

It keeps others from doing the same work; it can't keep a process that was asleep from going on
when its lock has long been somebody else's, nor a store that failed over from giving it to two.
What must not be done twice is decided by a conditional write in the database; a lock only saves
doing it in vain.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that was given to this caller alone, who proves it by `token`.

    `fence` is higher than that of every earlier holder of the same lock, for log lines and people:
    a store that failed over to a machine whose clock is behind may repeat one.
    """

    name: str
    token: str
    fence: int


class Locks(Protocol):
    """Locks by name. Every method raises Unavailable when it is not answered in time."""

    async def acquire(self, name: str, *, lifetime: timedelta) -> HeldLock | None:
        """Take the lock, or None when somebody has it. It comes free by itself after `lifetime`.

        One atomic step: of racing callers one gets it. An Unavailable may have taken it; then it
        comes free by itself.
        """

    async def renew(self, held: HeldLock, *, lifetime: timedelta) -> bool:
        """Have it for so long from now on. False when it is no longer this holder's."""

    async def release(self, held: HeldLock) -> bool:
        """Give it back. False, and nothing happens, when it is no longer this holder's."""
