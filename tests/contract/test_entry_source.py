"""What every table promises whose rows carry ledger entries."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from chronicle.ledger.ports import EntrySource, Placed
from chronicle.wiring.databases import Tables
from tests.contract.shapes import check_shapes
from tests.contract.test_accounts import an_account
from tests.contract.test_uploads import an_upload
from tests.databases import DATABASES, location, open_database
from tests.fakes.database.entries import MemorySource
from tests.fakes.world import FakeWorld


@dataclass
class Table:
    """A source, and a way to add a row to it: answers the row's id."""

    source: EntrySource
    add: Callable[[bytes], Awaitable[bytes]]


@pytest.fixture(params=["nothing but entries", *DATABASES])
async def table(request: pytest.FixtureRequest, world: FakeWorld) -> AsyncIterator[Table]:
    if request.param == "nothing but entries":
        yield _memory(MemorySource("uploads"), world)
        return
    async with open_database(request.param, location(request.param, request)) as database:
        yield await _uploads(database.tables, world)
        await check_shapes(database)


async def _uploads(tables: Tables, world: FakeWorld) -> Table:
    owner = an_account(world)
    await tables.accounts.add(owner)

    async def add(entry: bytes) -> bytes:
        record = replace(an_upload(world, owner), entry=entry)
        await tables.uploads.add(record)
        return record.id

    return Table(tables.uploads, add)


def _memory(source: MemorySource, world: FakeWorld) -> Table:
    async def add(entry: bytes) -> bytes:
        row_id = world.world.new_id()
        source.add(row_id, entry, world.time)
        return row_id

    return Table(source, add)


async def pending(table: Table, world: FakeWorld, limit: int = 100) -> list[bytes]:
    return [row.row_id for row in await table.source.pending(due=world.time, limit=limit)]


async def test_a_row_is_pending_with_its_entry(table: Table, world: FakeWorld):
    row_id = await table.add(b"entry \x00\xff")
    rows = await table.source.pending(due=world.time, limit=10)
    assert [(row.row_id, row.entry) for row in rows] == [(row_id, b"entry \x00\xff")]
    assert len(row_id) == 16


async def test_rows_come_oldest_first_and_no_more_than_wanted(table: Table, world: FakeWorld):
    added = []
    for number in range(5):
        world.pass_time(seconds=1)
        added.append(await table.add(b"%d" % number))
    assert await pending(table, world, limit=3) == added[:3]
    assert await pending(table, world) == added


async def test_a_placed_row_is_pending_no_more(table: Table, world: FakeWorld):
    first, second = await table.add(b"1"), await table.add(b"2")
    await table.source.record_placed([Placed(first, 0)])
    assert await pending(table, world) == [second]


async def test_placing_again_and_placing_what_is_gone_are_no_errors(table: Table, world: FakeWorld):
    row_id = await table.add(b"1")
    for _ in range(2):
        await table.source.record_placed([Placed(row_id, 7), Placed(b"?" * 16, 8)])
    await table.source.record_placed([])
    assert await pending(table, world) == []


async def test_a_row_that_is_not_due_waits(world: FakeWorld):
    source = MemorySource("sessions")
    source.add(b"r" * 16, b"entry", world.time + timedelta(seconds=1))
    table = _memory(source, world)
    assert await pending(table, world) == []
    world.pass_time(seconds=1)
    assert await pending(table, world) == [b"r" * 16]
