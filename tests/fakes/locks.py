"""Locks in memory."""

from collections.abc import Callable
from datetime import datetime, timedelta

from chronicle.locks import HeldLock
from tests.fakes.faults import Faults, step


class InMemoryLocks:
    """`chronicle.locks.Locks`."""

    label = "locks"

    def __init__(self, clock: Callable[[], datetime], faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.held: dict[str, tuple[HeldLock, datetime]] = {}
        self._clock = clock
        self._fence = 0

    @step
    def acquire(self, name: str, *, lifetime: timedelta) -> HeldLock | None:
        if self._holder(name) is not None:
            return None
        self._fence += 1
        lock = HeldLock(name, f"token {self._fence}", self._fence)
        self.held[name] = (lock, self._clock() + lifetime)
        return lock

    @step
    def renew(self, held: HeldLock, *, lifetime: timedelta) -> bool:
        if self._holder(held.name) != held:
            return False
        self.held[held.name] = (held, self._clock() + lifetime)
        return True

    @step
    def release(self, held: HeldLock) -> bool:
        if self._holder(held.name) != held:
            return False
        del self.held[held.name]
        return True

    def _holder(self, name: str) -> HeldLock | None:
        held = self.held.get(name)
        return held[0] if held is not None and self._clock() < held[1] else None
