"""Locks in memory, with a switch that makes them fail."""

from collections.abc import Callable
from datetime import datetime, timedelta

from chronicle.errors import Unavailable
from chronicle.locks import HeldLock


class InMemoryLocks:
    """`chronicle.locks.Locks`; with `down`, every call fails and changes nothing."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.held: dict[str, tuple[HeldLock, datetime]] = {}
        self.down = False
        self._clock = clock
        self._fence = 0

    async def acquire(self, name: str, *, lifetime: timedelta) -> HeldLock | None:
        self._fail_if_down()
        if self._holder(name) is not None:
            return None
        self._fence += 1
        lock = HeldLock(name, f"token {self._fence}", self._fence)
        self.held[name] = (lock, self._clock() + lifetime)
        return lock

    async def renew(self, held: HeldLock, *, lifetime: timedelta) -> bool:
        self._fail_if_down()
        if self._holder(held.name) != held:
            return False
        self.held[held.name] = (held, self._clock() + lifetime)
        return True

    async def release(self, held: HeldLock) -> bool:
        self._fail_if_down()
        if self._holder(held.name) != held:
            return False
        del self.held[held.name]
        return True

    def _holder(self, name: str) -> HeldLock | None:
        held = self.held.get(name)
        return held[0] if held is not None and self._clock() < held[1] else None

    def _fail_if_down(self) -> None:
        if self.down:
            raise Unavailable
