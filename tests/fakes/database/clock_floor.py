"""The highest time seen."""

from datetime import datetime

from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.faults import Faults, step


class InMemoryClockFloor:
    """`chronicle.clock.ClockFloor`."""

    label = "clock_floor"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._database = database

    @step
    def read(self) -> datetime | None:
        return self._database.highest_time

    @step
    def raise_to(self, moment: datetime) -> None:
        self._database.highest_time = max(moment, self._database.highest_time or moment)

    @step
    def put(self, moment: datetime) -> None:
        self._database.highest_time = moment
