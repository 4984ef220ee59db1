"""What stands in the way of extending a log, each named for what it is."""

import logging
from dataclasses import replace

import pytest

from chronicle.ledger.checkpoints import sign_checkpoint
from chronicle.ledger.failures import (
    DatabaseBehind,
    Forked,
    KeyMismatch,
    LogRefused,
    OriginMismatch,
    TreeDamaged,
    UnknownSource,
)
from chronicle.ledger.notes import Signer
from chronicle.ledger.ports import TreeHead
from tests.fakes.faults import Crashed, Fault, Faults
from tests.fakes.ledger import SIGNER, World


async def a_log(size: int = 300) -> World:
    world = World()
    for count in (size - 1, 1):
        world.add(count)
        await world.process().append_batch()
    return world


async def refused(world: World, why: type[LogRefused], signer: Signer = SIGNER) -> str:
    before = (dict(world.tiles.blobs), list(world.checkpoints.history))
    world.add(1)
    with pytest.raises(why) as refusal:
        await world.process(signer=signer).start()
    with pytest.raises(why):
        await world.process(signer=signer).append_batch()
    assert (world.tiles.blobs, world.checkpoints.history) == before, "something was written"
    return refusal.value.message


async def test_a_first_start_publishes_an_empty_log():
    world = World()
    await world.process().start()
    assert world.tiles.blobs["checkpoint"].startswith(b"log.example/chronicle\n0\n")
    assert world.checkpoints.history[0].head.size == 0
    await world.process().start()
    assert len(world.checkpoints.history) == 1


async def test_a_log_of_another_name_is_not_extended():
    other = Signer("other.example", SIGNER.seed)
    assert "other.example" in await refused(await a_log(), OriginMismatch, other)


async def test_a_log_of_another_key_is_not_extended():
    await refused(await a_log(), KeyMismatch, Signer(SIGNER.name, b"x" * 32))


async def test_a_database_restored_from_a_backup_would_fork_the_log():
    world = await a_log()
    world.checkpoints.history.pop()
    message = await refused(world, DatabaseBehind)
    assert "300" in message
    assert "299" in message


async def test_an_empty_database_beside_a_published_log_would_fork_it():
    world = await a_log()
    world.checkpoints.history.clear()
    await refused(world, DatabaseBehind)


async def test_a_published_checkpoint_of_another_tree_is_a_fork():
    world = await a_log()
    for size in (300, 299, 256):
        forked = sign_checkpoint(SIGNER, TreeHead(size, b"x" * 32))
        world.tiles.blobs["checkpoint"] = forked
        await refused(world, Forked)


@pytest.mark.parametrize("note", [b"", b"garbage", b"log.example/chronicle\n1\n"])
async def test_a_published_checkpoint_that_can_not_be_read_is_not_written_over(note: bytes):
    world = await a_log()
    world.tiles.blobs["checkpoint"] = note
    await refused(world, LogRefused)


async def test_a_published_checkpoint_of_another_key_is_not_written_over():
    world = await a_log()
    head = world.checkpoints.history[-1].head
    world.tiles.blobs["checkpoint"] = sign_checkpoint(Signer(SIGNER.name, b"x" * 32), head)
    await refused(world, KeyMismatch)


async def test_a_stored_checkpoint_that_was_altered_is_refused():
    world = await a_log()
    last = world.checkpoints.history[-1]
    world.checkpoints.history[-1] = replace(last, head=TreeHead(299, last.head.root))
    world.tiles.blobs.pop("checkpoint")
    await refused(world, LogRefused)


@pytest.mark.parametrize("path", ["tile/0/001.p/43", "tile/1/000.p/1", "tile/entries/001.p/43"])
@pytest.mark.parametrize("damage", ["gone", "changed", "cut"])
async def test_a_tree_that_does_not_hash_to_the_checkpoint_is_not_extended(path: str, damage: str):
    world = await a_log()
    whole = world.tiles.blobs.pop(path)
    if damage != "gone":
        cut, changed = whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])
        world.tiles.blobs[path] = cut if damage == "cut" else changed
    await refused(world, TreeDamaged)


async def test_a_staging_object_that_was_changed_is_refused():
    world = await a_log()
    staging = world.checkpoints.history[-1].staging
    assert staging is not None
    world.tiles.blobs[staging] = b"garbage"
    await refused(world, TreeDamaged)


async def test_a_lost_tile_of_the_last_batch_is_laid_down_again():
    world = await a_log()
    for path in ("tile/0/001.p/44", "tile/entries/001.p/44"):
        del world.tiles.blobs[path]
    await world.process().start()
    await world.check()


async def test_a_lost_staging_object_costs_nothing_where_the_tiles_stand(
    caplog: pytest.LogCaptureFixture,
):
    world = await a_log()
    faults = Faults(named={"uploads.record_placed": Fault.CRASHES})
    world.add(2)
    with pytest.raises(Crashed):
        await world.process(faults).append_batch()
    # The batch is committed and its rows do not know it: only the staging object did.
    staging = world.checkpoints.history[-1].staging
    assert staging is not None
    del world.tiles.blobs[staging]
    with caplog.at_level(logging.WARNING):
        await world.process().append_batch()
    assert "is gone" in caplog.text
    assert world.checkpoints.history[-1].head.size == 302
    world.add(1)
    await world.process().append_batch()
    await world.check()


async def test_a_batch_with_rows_of_an_unknown_table_is_not_forgotten():
    world = await a_log()
    world.add(1, source=1)
    await world.process().append_batch()
    world.sources.pop()
    with pytest.raises(UnknownSource, match="sessions"):
        await world.process().start()


async def test_a_lost_published_checkpoint_is_published_again():
    world = await a_log()
    del world.tiles.blobs["checkpoint"]
    await world.process().start()
    await world.check()
