"""Spent challenges in memory, with a switch that makes it fail."""

from datetime import timedelta

from chronicle.errors import Unavailable


class InMemorySpentChallenges:
    """`security.challenges.SpentChallenges`; with `down`, every call fails and spends nothing."""

    def __init__(self) -> None:
        self.spent: dict[str, timedelta] = {}
        self.down = False

    async def spend(self, challenge: str, *, lifetime: timedelta) -> bool:
        if self.down:
            raise Unavailable
        if challenge in self.spent:
            return False
        self.spent[challenge] = lifetime
        return True
