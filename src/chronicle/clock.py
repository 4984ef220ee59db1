"""A clock that never goes back: what has expired stays expired, whatever befalls the machine's.

While the machine's clock is behind what was seen before, this one goes on at half its pace until
the machine's has caught up. So locks and tokens that live then live at most twice as long, and
none lives again. The highest time seen is kept in the database, for the next start.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from chronicle.errors import CannotStart
from chronicle.world import World, id_at

_log = logging.getLogger(__name__)

BEARABLE = timedelta(hours=1)
"""How far the machine's clock may be behind at a start; further behind, somebody has to look."""

_PACE = 0.5
_WORTH_TELLING = timedelta(seconds=1)


class ClockFloor(Protocol):
    """The highest time that was seen by any process: one row or document, if any."""

    async def read(self) -> datetime | None:
        """The highest time, or None when none was noted yet."""

    async def raise_to(self, moment: datetime) -> None:
        """Note a time, unless a higher one stands: one conditional write, durable on return."""

    async def put(self, moment: datetime) -> None:
        """Note a time in place of whatever stands; for an operator alone."""


class ForwardClock:
    """The machine's clock, or, while that is behind, a slower one. Of one event loop."""

    def __init__(
        self,
        machine: Callable[[], datetime],
        monotonic: Callable[[], float],
        *,
        floor: datetime | None,
    ) -> None:
        """Begin at no less than `floor`. `monotonic` counts seconds from anywhere."""
        self._machine = machine
        self._monotonic = monotonic
        self._latest = floor or machine()
        self._looked_at = monotonic()
        self._told = False
        self.is_ahead = False

    def __call__(self) -> datetime:
        """The time: never less than what was answered before."""
        machine, looks_at = self._machine(), self._monotonic()
        passed, self._looked_at = looks_at - self._looked_at, looks_at
        if machine >= self._latest:
            self._latest, self.is_ahead, self._told = machine, False, False
            return machine
        self.is_ahead = True
        self._tell(self._latest - machine)
        self._latest += timedelta(seconds=passed * _PACE)
        return self._latest

    def _tell(self, ahead: timedelta) -> None:
        if self._told or ahead < _WORTH_TELLING:
            return
        self._told = True
        _log.critical(
            "the machine's clock is %s behind what was seen before; until it has caught up, time "
            "goes on at half its pace here. See docs/security.md.",
            ahead,
        )


async def guarded(world: World, floor: ClockFloor) -> World:
    """The same world, its time and ids never before the highest time seen.

    Raises:
        CannotStart: the machine's clock is far behind; nothing was changed.
    """
    seen, machine = await floor.read(), world.now()
    if seen is not None and seen - machine > BEARABLE:
        raise CannotStart(
            f"The machine's clock says {machine:%Y-%m-%d %H:%M} UTC, but here it has been "
            f"{seen:%Y-%m-%d %H:%M} UTC before. Starting would bring expired tokens and locks back "
            "to life. Set the clock right and start again. If it is right now and was wrong "
            "before, stop every server, run `chronicle admin clock accept`, and start again."
        )
    clock = ForwardClock(world.now, world.monotonic, floor=seen)

    def new_id() -> bytes:
        # Lists are sorted by id; so an id is no older than the ones before it either.
        now = clock()
        return id_at(now) if clock.is_ahead else world.new_id()

    await floor.raise_to(clock())
    return replace(world, now=clock, new_id=new_id)
