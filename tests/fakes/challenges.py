"""Spent challenges in memory."""

from datetime import timedelta

from tests.fakes.faults import Faults, step


class InMemorySpentChallenges:
    """`security.challenges.SpentChallenges`."""

    label = "spent_challenges"

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.spent: dict[str, timedelta] = {}

    @step
    def spend(self, challenge: str, *, lifetime: timedelta) -> bool:
        if challenge in self.spent:
            return False
        self.spent[challenge] = lifetime
        return True
