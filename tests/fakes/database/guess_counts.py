"""The table of guesses."""

from datetime import datetime

from chronicle.security.ports import CountingRule, GuessCount
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.faults import Faults, step


class InMemoryGuessCounts:
    """`security.ports.GuessCounts`."""

    label = "guess_counts"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._rows = database.guess_counts

    @step
    def find(self, purpose: str, subject: bytes) -> GuessCount | None:
        return self._rows.get((purpose, subject))

    @step
    def count(
        self, purpose: str, subject: bytes, *, rule: CountingRule, now: datetime
    ) -> tuple[bool, GuessCount]:
        seen = self._rows.get((purpose, subject))
        counted = rule.counted(seen, now)
        if counted is not None:
            self._rows[purpose, subject] = counted
            return True, counted
        if seen is None:
            raise ValueError("a rule must let the first guess in")
        return False, seen

    @step
    def give_back(self, purpose: str, subject: bytes, *, rule: CountingRule) -> None:
        left = rule.given_back(self._rows.pop((purpose, subject), None))
        if left is not None:
            self._rows[purpose, subject] = left

    @step
    def clear(self, purpose: str, subject: bytes) -> None:
        self._rows.pop((purpose, subject), None)

    @step
    def forget(self, *, before: datetime) -> int:
        old = [key for key, count in self._rows.items() if count.last_at < before]
        for key in old:
            del self._rows[key]
        return len(old)
