"""Spent challenges in Valkey or Redis: a key for each, which expires."""

from datetime import timedelta

from chronicle.adapters.shared_state.valkey import Valkey


class ValkeySpentChallenges:
    """`security.challenges.SpentChallenges` on Valkey."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey

    async def spend(self, challenge: str, *, lifetime: timedelta) -> bool:
        """Note a challenge as used for so long; False if it was noted already."""
        name = f"chronicle:challenge:{{{challenge}}}"
        millis = lifetime // timedelta(milliseconds=1)
        noted = await self._valkey.ask("SET", name, "1", "NX", "PX", millis, key=name)
        return noted is not None
