"""Bringing a MongoDB database up to date: empty, behind, ahead, twice at once, broken off."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from chronicle.adapters.database.mongo import migrate
from chronicle.adapters.database.mongo.engine import Database, Engine, open_engine
from chronicle.adapters.database.mongo.schema import SHAPES
from chronicle.errors import Unavailable
from tests.services.choice import mongo_server_url, with_database

pytestmark = pytest.mark.wider


@pytest.fixture(scope="module")
def mongo_server() -> Iterator[str]:
    with mongo_server_url() as url:
        yield url


@pytest.fixture
async def engine(mongo_server: str) -> AsyncIterator[Engine]:
    engine = await open_engine(with_database(mongo_server, f"test_{secrets.token_hex(8)}"))
    yield engine
    await engine.database.client.drop_database(engine.database.name)
    await engine.close()


async def indexes(engine: Engine) -> set[str]:
    found = [await engine.database[shape.name].index_information() for shape in SHAPES]
    return {name for each in found for name in each if name != "_id_"}


ALL_INDEXES = {index.name for shape in SHAPES for index in shape.indexes}


async def test_an_empty_database_is_set_up_when_it_is_opened(engine: Engine) -> None:
    await migrate.prepare(engine)
    assert await migrate.version_of(engine) == migrate.VERSION
    assert await indexes(engine) == ALL_INDEXES


async def test_a_database_of_this_version_is_left_alone(engine: Engine) -> None:
    said: list[str] = []
    assert await migrate.migrate(engine, say=said.append)
    assert said[-1] == f"version {migrate.VERSION}"
    said.clear()
    assert not await migrate.migrate(engine, say=said.append)
    assert said == []


async def test_a_database_that_is_behind_is_refused_until_it_is_migrated(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate.prepare(engine)
    monkeypatch.setattr(migrate, "VERSION", migrate.VERSION + 1)
    with pytest.raises(migrate.DatabaseBehind, match="chronicle migrate"):
        await migrate.prepare(engine)
    assert await migrate.migrate(engine, say=lambda _: None)
    await migrate.prepare(engine)


async def test_a_database_that_is_ahead_is_refused_and_left_alone(engine: Engine) -> None:
    await engine.writing("migrations").insert_one({"_id": "schema", "version": 9999})
    with pytest.raises(migrate.DatabaseTooNew, match="9999"):
        await migrate.prepare(engine)
    with pytest.raises(migrate.DatabaseTooNew, match="9999"):
        await migrate.migrate(engine, say=lambda _: None)
    assert await engine.database.list_collection_names() == ["migrations"]


async def test_of_two_at_once_one_does_the_work_and_both_end_well(engine: Engine) -> None:
    said: tuple[list[str], list[str]] = ([], [])
    did = await asyncio.gather(*(migrate.migrate(engine, say=each.append) for each in said))
    assert sorted(did) == [False, True]
    assert any("waiting" in line for lines in said for line in lines)
    assert await indexes(engine) == ALL_INDEXES


async def test_a_run_that_broke_off_is_finished_by_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate.prepare(engine)
    applied: list[str] = []

    async def breaks(database: Database) -> None:
        applied.append("broken")
        raise Unavailable

    async def works(database: Database) -> None:
        applied.append("whole")

    newer = migrate.VERSION + 1
    monkeypatch.setattr(migrate, "VERSION", newer)
    monkeypatch.setattr(migrate, "DATA_STEPS", (migrate.DataStep(newer, "step", breaks),))
    with pytest.raises(Unavailable):
        await migrate.migrate(engine, say=lambda _: None)
    assert await migrate.version_of(engine) == newer - 1
    monkeypatch.setattr(migrate, "DATA_STEPS", (migrate.DataStep(newer, "step", works),))
    assert await migrate.migrate(engine, say=lambda _: None)
    assert applied == ["broken", "whole"]


async def test_the_lease_of_a_dead_run_is_taken_over(engine: Engine) -> None:
    dead = {"token": "dead", "until": 1}
    await engine.writing("migrations").insert_one({"_id": "schema", "version": 0, "lease": dead})
    await migrate.prepare(engine)
    assert await migrate.version_of(engine) == migrate.VERSION


async def test_applying_everything_again_changes_nothing(engine: Engine) -> None:
    await migrate.prepare(engine)
    await engine.writing("migrations").update_one({"_id": "schema"}, {"$set": {"version": 0}})
    await migrate.prepare(engine)
    assert await indexes(engine) == ALL_INDEXES
