"""Locks in Valkey or Redis: a key that expires and holds its owner's token."""

from datetime import timedelta

from chronicle.adapters.shared_state.valkey import Script, Valkey
from chronicle.locks import HeldLock
from chronicle.world import World

_TOKEN_BYTES = 16


class ValkeyLocks:
    """`chronicle.locks.Locks` on Valkey."""

    def __init__(self, valkey: Valkey, world: World) -> None:
        self._valkey = valkey
        self._acquire = Script.named("acquire_lock")
        self._renew = Script.named("renew_lock")
        self._release = Script.named("release_lock")
        self._world = world

    async def acquire(self, name: str, *, lifetime: timedelta) -> HeldLock | None:
        """Take the lock, or None when somebody has it."""
        token = self._world.random_bytes(_TOKEN_BYTES).hex()
        key = _key(name)
        keys = [key, f"{key}:fence"]
        fence = await self._valkey.run(self._acquire, keys=keys, args=[token, _millis(lifetime)])
        return None if fence is None else HeldLock(name, token, int(fence))

    async def renew(self, held: HeldLock, *, lifetime: timedelta) -> bool:
        """Have it for so long from now on. False when it is no longer this holder's."""
        args = [held.token, _millis(lifetime)]
        renewed: int = await self._valkey.run(self._renew, keys=[_key(held.name)], args=args)
        return renewed == 1

    async def release(self, held: HeldLock) -> bool:
        """Give it back. False, and nothing happens, when it is no longer this holder's."""
        keys = [_key(held.name)]
        released: int = await self._valkey.run(self._release, keys=keys, args=[held.token])
        return released == 1


def _key(name: str) -> str:
    return f"chronicle:lock:{{{name}}}"


def _millis(lifetime: timedelta) -> int:
    return max(1, lifetime // timedelta(milliseconds=1))
