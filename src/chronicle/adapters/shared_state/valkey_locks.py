"""Locks in Valkey or Redis: a key that expires and holds its owner's token."""

from datetime import timedelta

from redis.asyncio import Redis

from chronicle.adapters.shared_state.valkey import in_time, script
from chronicle.locks import HeldLock
from chronicle.world import World

_TOKEN_BYTES = 16


class ValkeyLocks:
    """`chronicle.locks.Locks` on one Valkey.

    One that fails over before it has copied a lock may give it to somebody else: that is what the
    fencing number is for.
    """

    def __init__(self, client: "Redis", world: World) -> None:
        self._acquire = client.register_script(script("acquire_lock"))
        self._renew = client.register_script(script("renew_lock"))
        self._release = client.register_script(script("release_lock"))
        self._world = world

    async def acquire(self, name: str, *, lifetime: timedelta) -> HeldLock | None:
        """Take the lock, or None when somebody has it."""
        token = self._world.random_bytes(_TOKEN_BYTES).hex()
        key = _key(name)
        keys = [key, f"{key}:fence"]
        fence = await in_time(self._acquire(keys=keys, args=[token, _millis(lifetime)]))
        return None if fence is None else HeldLock(name, token, int(fence))

    async def renew(self, held: HeldLock, *, lifetime: timedelta) -> bool:
        """Have it for so long from now on. False when it is no longer this holder's."""
        arguments = [held.token, str(_millis(lifetime))]
        renewed: int = await in_time(self._renew(keys=[_key(held.name)], args=arguments))
        return renewed == 1

    async def release(self, held: HeldLock) -> bool:
        """Give it back. False, and nothing happens, when it is no longer this holder's."""
        released: int = await in_time(self._release(keys=[_key(held.name)], args=[held.token]))
        return released == 1


def _key(name: str) -> str:
    return f"chronicle:lock:{{{name}}}"


def _millis(lifetime: timedelta) -> int:
    return max(1, lifetime // timedelta(milliseconds=1))
