import logging
import os
from datetime import timedelta
from pathlib import Path

import pytest

from chronicle.adapters import keys_file
from chronicle.adapters.key_watch import KeyWatch
from chronicle.security.key_rotation import rotated
from chronicle.security.keys import Key, Keyring, Purpose, State
from tests.fakes.world import FakeWorld

AFTER = timedelta(minutes=10)


class Watched:
    """A key file, the ring that was read from it, and what watches it."""

    def __init__(self, path: Path) -> None:
        keys_file.create(path)
        self.path, self.clock = path, FakeWorld()
        self.world = self.clock.world
        self.ring = keys_file.load(path, now=self.world.now())
        self.watch = KeyWatch(path, self.ring, self.world.now)

    def rotate(self, purpose: Purpose = Purpose.TOKEN) -> None:
        now = self.world.now()
        keys_file.change(
            self.path,
            lambda ring: rotated(ring, purpose, now=now, after=AFTER, random=os.urandom),
            now=now,
        )


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "keys.json")


async def test_a_rotation_is_followed_and_begins_with_no_further_change(watched: Watched) -> None:
    old = watched.ring.active(Purpose.TOKEN)
    await watched.watch.look()
    watched.rotate()
    await watched.watch.look()
    new = watched.ring.next(Purpose.TOKEN)
    assert new is not None
    assert watched.ring.active(Purpose.TOKEN) == old
    watched.path.unlink()
    watched.clock.pass_time(seconds=AFTER.total_seconds())
    await watched.watch.look()
    assert watched.ring.active(Purpose.TOKEN).id == new.id


async def test_a_change_between_the_start_and_the_first_look_is_seen(watched: Watched) -> None:
    watched.rotate()
    watch = KeyWatch(watched.path, watched.ring, watched.world.now)
    await watch.look()
    assert watched.ring.next(Purpose.TOKEN) is not None


@pytest.mark.parametrize("content", ["", "[]", "{", None])
async def test_a_broken_file_keeps_the_keys_and_is_told_once(
    watched: Watched, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    await watched.watch.look()
    before, good = watched.ring.all(), watched.path.read_bytes()
    watched.path.unlink()
    if content is not None:
        watched.path.write_text(content)
        watched.path.chmod(0o600)
    for _ in range(3):
        await watched.watch.look()
    assert watched.ring.all() == before
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert "going on with the keys as read" in line.message
    watched.path.write_bytes(good)
    watched.path.chmod(0o600)
    watched.rotate()
    await watched.watch.look()
    assert watched.ring.next(Purpose.TOKEN) is not None


async def test_a_file_that_others_can_read_is_not_taken(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.rotate()
    watched.path.chmod(0o644)
    await watched.watch.look()
    assert watched.ring.next(Purpose.TOKEN) is None
    assert "chmod 600" in caplog.text


async def test_a_file_with_another_ledger_key_is_not_taken(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    def other(ring: Keyring) -> list[Key]:
        new = Key(os.urandom(8), Purpose.LEDGER, State.ACTIVE, os.urandom(32))
        return [new if key.purpose is Purpose.LEDGER else key for key in ring.all()]

    before = watched.ring.all()
    keys_file.change(watched.path, other, now=watched.world.now())
    await watched.watch.look()
    assert watched.ring.all() == before
    assert "ledger key has changed" in caplog.text
