"""What every database promises whoever never got an answer and asks again."""

from copy import deepcopy
from typing import Any, get_type_hints

import pytest

from chronicle.wiring.databases import Tables
from tests.contract.calls import DONE_AGAIN, READS, SECOND_ANSWERS, WRITES, Rows, stock
from tests.databases import OpenDatabase
from tests.fakes.world import FakeWorld


async def stored(database: OpenDatabase) -> Any:
    """Everything that lies in a database, in an order that does not change."""
    if database.kind == "memory":
        return deepcopy(database.engine)
    if database.kind == "sqlite":
        read = database.engine.all
        tables = read("SELECT name FROM sqlite_master WHERE type = 'table'", ())
        return {name: sorted(read(f"SELECT * FROM {name}", ()), key=repr) for (name,) in tables}
    mongo = database.engine.database
    return {
        name: sorted(await mongo[name].find({}).to_list(), key=repr)
        for name in await mongo.list_collection_names()
    }


async def stocked(database: OpenDatabase, world: FakeWorld, name: str) -> Rows:
    return await stock(database.tables, world, checkpoint=name != "checkpoints.start")


@pytest.mark.parametrize("name", sorted(WRITES.keys() - DONE_AGAIN))
async def test_a_call_that_is_made_again_does_nothing_twice(
    database: OpenDatabase, world: FakeWorld, name: str
) -> None:
    rows = await stocked(database, world, name)
    before = await stored(database)
    answer = await WRITES[name](database.tables, rows)
    once = await stored(database)
    assert once != before, "this call shows nothing"
    second = SECOND_ANSWERS.get(name, answer)
    if isinstance(second, type | tuple):
        with pytest.raises(second):
            await WRITES[name](database.tables, rows)
    else:
        assert await WRITES[name](database.tables, rows) == second
    assert await stored(database) == once


@pytest.mark.parametrize("name", sorted(DONE_AGAIN))
async def test_what_is_done_again_is_whole_each_time(
    database: OpenDatabase, world: FakeWorld, name: str
) -> None:
    rows = await stocked(database, world, name)
    for _ in range(2):
        before = await stored(database)
        await WRITES[name](database.tables, rows)
        assert await stored(database) != before


@pytest.mark.parametrize("name", READS)
async def test_reading_changes_nothing(database: OpenDatabase, world: FakeWorld, name: str) -> None:
    rows = await stocked(database, world, name)
    before = await stored(database)
    assert await READS[name](database.tables, rows) == await READS[name](database.tables, rows)
    assert await stored(database) == before


def test_every_method_of_every_port_is_called() -> None:
    ports = {
        f"{name}.{method}"
        for name, port in get_type_hints(Tables).items()
        if name != "database_is_up"
        for method in dir(port)
        if not method.startswith("_")
    }
    assert ports == WRITES.keys() | READS.keys()
