"""A world that tests own: time stands still until moved, ids and randomness count up."""

import hashlib
from datetime import UTC, datetime, timedelta

from chronicle.security.keys import Key, Keyring, Purpose, State
from chronicle.world import World


class FakeWorld:
    """Hands out a `World` whose clock only `pass_time` moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
        self.drawn = 0
        self.world = World(
            now=lambda: self.time, new_id=self._new_id, random_bytes=self._random_bytes
        )

    def pass_time(self, **duration: float) -> None:
        self.time += timedelta(**duration)

    def _new_id(self) -> bytes:
        # As a UUIDv7 does, an id sorts by its time.
        millis = int(self.time.timestamp() * 1000).to_bytes(6, "big")
        self.drawn += 1
        return millis + b"\x70" + self.drawn.to_bytes(9, "big")

    def _random_bytes(self, count: int) -> bytes:
        self.drawn += 1
        return hashlib.shake_256(self.drawn.to_bytes(8, "big")).digest(count)


def keyring(label: str = "test", *, retired: tuple[Key, ...] = ()) -> Keyring:
    """A whole keyring, the same for the same label."""
    keys = [
        Key(
            id=hashlib.sha256(f"{label}/{purpose}/id".encode()).digest()[:8],
            purpose=purpose,
            state=State.ACTIVE,
            secret=hashlib.sha256(f"{label}/{purpose}".encode()).digest(),
        )
        for purpose in Purpose
    ]
    return Keyring([*keys, *retired])
