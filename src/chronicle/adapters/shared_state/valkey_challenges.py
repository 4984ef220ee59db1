"""Spent challenges in Valkey or Redis: a key for each, which expires."""

from datetime import timedelta

from redis.asyncio import Redis

from chronicle.adapters.shared_state.valkey import in_time


class ValkeySpentChallenges:
    """`security.challenges.SpentChallenges` on Valkey."""

    def __init__(self, client: "Redis") -> None:
        self._client = client

    async def spend(self, challenge: str, *, lifetime: timedelta) -> bool:
        """Note a challenge as used for so long; False if it was noted already."""
        name = f"chronicle:challenge:{{{challenge}}}"
        noted = await in_time(self._client.set(name, b"", nx=True, px=lifetime))
        return noted is not None
