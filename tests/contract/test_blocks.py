"""What every table of blocked networks promises."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chronicle.security.ports import BlockRecord, Blocks
from tests.databases import OpenDatabase
from tests.fakes.world import FakeWorld


@pytest.fixture
def blocks(database: OpenDatabase) -> Blocks:
    return database.tables.blocks


def a_block(world: FakeWorld, block_id: bytes = b"one") -> BlockRecord:
    return BlockRecord(block_id, b"sealed \x00\xff", world.time, None)


async def test_a_block_is_kept_replaced_and_removed(blocks: Blocks, world: FakeWorld) -> None:
    first, second = a_block(world), a_block(world, b"two")
    await blocks.put(first)
    await blocks.put(second)
    assert sorted(await blocks.all(), key=lambda block: block.id) == [first, second]
    changed = replace(first, content=b"other", expires_at=world.time + timedelta(hours=1))
    await blocks.put(changed)
    assert await blocks.remove(second.id)
    assert not await blocks.remove(second.id)
    assert await blocks.all() == [changed]


async def test_every_change_moves_the_revision_and_another_process_sees_it(
    blocks: Blocks, world: FakeWorld, database: OpenDatabase
) -> None:
    other = (await database.elsewhere()).blocks
    seen = [await other.revision()]
    await blocks.put(a_block(world))
    seen.append(await other.revision())
    await blocks.put(a_block(world))
    seen.append(await other.revision())
    await blocks.remove(b"one")
    seen.append(await other.revision())
    assert len(set(seen)) == 4
    assert await other.revision() == seen[-1]


async def test_expired_blocks_are_forgotten_and_permanent_ones_are_not(
    blocks: Blocks, world: FakeWorld
) -> None:
    await blocks.put(a_block(world))
    await blocks.put(replace(a_block(world, b"two"), expires_at=world.time))
    world.pass_time(days=10_000)
    assert await blocks.forget(before=world.time) == 1
    assert [block.id for block in await blocks.all()] == [b"one"]
