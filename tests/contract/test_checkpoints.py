"""What every checkpoint table promises: it is the commit point of the log."""

import asyncio

import pytest

from chronicle.ledger.ports import Checkpoints, StoredCheckpoint, TreeHead
from tests.databases import OpenDatabase


@pytest.fixture
def checkpoints(database: OpenDatabase) -> Checkpoints:
    return database.tables.checkpoints


def a_checkpoint(size: int, branch: bytes = b"a") -> StoredCheckpoint:
    return StoredCheckpoint(
        origin="log.example",
        head=TreeHead(size, branch * 32),
        note=b"note %d " % size + branch,
        staging=f"staging/{size}-{branch.hex()}" if size else None,
    )


async def test_there_is_no_checkpoint_before_the_first_start(checkpoints: Checkpoints):
    assert await checkpoints.load() is None


async def test_nothing_advances_before_the_first_start(checkpoints: Checkpoints):
    assert not await checkpoints.advance(a_checkpoint(0).head, a_checkpoint(1))
    assert await checkpoints.load() is None


async def test_the_first_checkpoint_is_stored_whole(checkpoints: Checkpoints):
    assert await checkpoints.start(a_checkpoint(0)) == a_checkpoint(0)
    assert await checkpoints.load() == a_checkpoint(0)


async def test_a_second_start_finds_what_stands(checkpoints: Checkpoints):
    await checkpoints.start(a_checkpoint(0))
    await checkpoints.advance(a_checkpoint(0).head, a_checkpoint(3))
    assert await checkpoints.start(a_checkpoint(0, b"b")) == a_checkpoint(3)
    assert await checkpoints.load() == a_checkpoint(3)


async def test_of_many_starts_together_one_stands(checkpoints: Checkpoints):
    firsts = [a_checkpoint(0, b"%c" % letter) for letter in range(97, 97 + 20)]
    answers = await asyncio.gather(*(checkpoints.start(first) for first in firsts))
    assert len(set(answers)) == 1
    assert await checkpoints.load() == answers[0]


async def test_a_checkpoint_advances_from_the_expected_head(checkpoints: Checkpoints):
    await checkpoints.start(a_checkpoint(0))
    assert await checkpoints.advance(a_checkpoint(0).head, a_checkpoint(3))
    assert await checkpoints.advance(a_checkpoint(3).head, a_checkpoint(4))
    assert await checkpoints.load() == a_checkpoint(4)


@pytest.mark.parametrize(
    "expected", [a_checkpoint(0), a_checkpoint(2), a_checkpoint(3, b"b"), a_checkpoint(4)]
)
async def test_a_checkpoint_does_not_advance_from_another_head(
    checkpoints: Checkpoints, expected: StoredCheckpoint
):
    await checkpoints.start(a_checkpoint(0))
    await checkpoints.advance(a_checkpoint(0).head, a_checkpoint(3))
    assert not await checkpoints.advance(expected.head, a_checkpoint(9))
    assert await checkpoints.load() == a_checkpoint(3)


async def test_of_many_rivals_exactly_one_advances(checkpoints: Checkpoints):
    await checkpoints.start(a_checkpoint(0))
    rivals = [a_checkpoint(1, b"%c" % letter) for letter in range(97, 97 + 20)]
    answers = await asyncio.gather(
        *(checkpoints.advance(a_checkpoint(0).head, rival) for rival in rivals)
    )
    assert answers.count(True) == 1
    assert await checkpoints.load() == rivals[answers.index(True)]


async def test_a_size_beyond_32_bits_is_kept(checkpoints: Checkpoints):
    await checkpoints.start(a_checkpoint(0))
    assert await checkpoints.advance(a_checkpoint(0).head, a_checkpoint(2**40))
    assert await checkpoints.load() == a_checkpoint(2**40)
