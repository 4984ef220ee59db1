"""Every database that Chronicle runs on, and the fake: each test has an empty one of its own."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.migrate import migrate
from chronicle.wiring.databases import Tables, mongo_tables, sqlite_tables
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.tables import memory_tables
from tests.services.choice import with_database

DATABASES = ("memory", "sqlite", pytest.param("mongo", marks=pytest.mark.wider))


@dataclass
class OpenDatabase:
    """A database: the tables as one process sees them, and as any number of others do."""

    kind: str
    tables: Tables
    engine: Any
    _stack: AsyncExitStack = field(repr=False)
    _where: Any = field(repr=False)

    async def elsewhere(self) -> Tables:
        """The same tables, over connections of their own."""
        engine = await _connected(self.kind, self._where, self._stack)
        return _tables(self.kind, engine)


@asynccontextmanager
async def open_database(kind: str, where: Any) -> AsyncIterator[OpenDatabase]:
    """An empty database; gone afterwards. `where` is what `location` said."""
    async with AsyncExitStack() as stack:
        if kind == "sqlite":
            migrate(where)
        engine = await _connected(kind, where, stack)
        if kind == "mongo":
            await _prepared(engine, stack)
        yield OpenDatabase(kind, _tables(kind, engine), engine, stack, where)


async def _connected(kind: str, where: Any, stack: AsyncExitStack) -> Any:
    if kind == "memory":
        return where
    if kind == "sqlite":
        engine = Engine(where)
        stack.callback(engine.close)
        return engine
    from chronicle.adapters.database.mongo.engine import open_engine

    mongo = await open_engine(where)
    stack.push_async_callback(mongo.close)
    return mongo


async def _prepared(engine: Any, stack: AsyncExitStack) -> None:
    from chronicle.adapters.database.mongo.migrate import prepare

    await prepare(engine)

    async def drop() -> None:
        await engine.database.client.drop_database(engine.database.name)

    stack.push_async_callback(drop)


def _tables(kind: str, engine: Any) -> Tables:
    tables = {"memory": memory_tables, "sqlite": sqlite_tables, "mongo": mongo_tables}
    return tables[kind](engine)


def location(kind: str, request: pytest.FixtureRequest) -> Any:
    """Where a test's database goes: a file in its folder, or a name that no other test has."""
    if kind == "memory":
        return MemoryDatabase()
    if kind == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        return folder / "chronicle.sqlite"
    return with_database(request.getfixturevalue("mongo_server"), f"test_{secrets.token_hex(8)}")
