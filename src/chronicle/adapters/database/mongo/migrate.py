"""Brings a database up to date: collections, validators, indexes, then data. Forward only.

Every step comes to the same when it is made again, also by two processes at once, and a validator
lets through what an instance of the version before writes: so `chronicle migrate` runs beside live
instances. The version moves last, by compare-and-swap, so a crash leaves a database that is behind
and is finished by the next run. A lease keeps a second run from doing the same work at the same
time; it is a courtesy, nothing rests on it.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pymongo
from pymongo.errors import CollectionInvalid, OperationFailure, PyMongoError

from chronicle.adapters.database.mongo.engine import Database, Document, Engine
from chronicle.adapters.database.mongo.schema import SHAPES, Shape
from chronicle.errors import Unavailable

VERSION = 1
"""The version that the declared shapes and the data steps lead to."""

_THE_ONE = {"_id": "schema"}
_NAMESPACE_EXISTS = 48
_LEASE_SECONDS = 60
_STEP_SECONDS = 3600
_LOOK_AGAIN_SECONDS = 1.0

Say = Callable[[str], None]


class DatabaseTooNew(Exception):
    """The database was written by a newer Chronicle; nothing was changed."""


class DatabaseBehind(Exception):
    """The database needs `chronicle migrate` first; nothing was changed."""


@dataclass(frozen=True, slots=True)
class DataStep:
    """A change of documents that are there already. `apply` can be made again at any time."""

    version: int
    name: str
    apply: Callable[[Database], Awaitable[None]]


DATA_STEPS: tuple[DataStep, ...] = ()


async def prepare(engine: Engine) -> None:
    """Set up an empty database; make sure that any other is of this version.

    Raises:
        DatabaseBehind, DatabaseTooNew: it is not; nothing was changed.
        Unavailable: it can't be asked.
    """
    version = await version_of(engine)
    if version == 0:
        # Also what a first start left unfinished.
        await migrate(engine, say=lambda _: None)
    elif version < VERSION:
        raise DatabaseBehind(
            f"It has version {version}, and this Chronicle needs {VERSION}. "
            "Run `chronicle migrate`; instances of the older version can go on meanwhile."
        )
    elif version > VERSION:
        raise _too_new(version)


async def version_of(engine: Engine) -> int:
    """The version that the database has; 0 for one that is empty or was never finished."""
    found = engine.reading("migrations.version").find_one(_THE_ONE)
    document = await engine.answer(found)
    return 0 if document is None else int(document["version"])


async def migrate(engine: Engine, *, say: Say) -> bool:
    """Bring the database to `VERSION`, saying each step; whether there was anything to do.

    Raises:
        DatabaseTooNew: it is ahead of this Chronicle; nothing was changed.
        Unavailable: it failed half way, or somebody else's run did not end. Run it again.
    """
    version = await version_of(engine)
    if version > VERSION:
        raise _too_new(version)
    if version == VERSION:
        return False
    lease = await _lease(engine, say)
    try:
        # Whoever had the lease before may have done it all.
        version = await version_of(engine)
        if version >= VERSION:
            return False
        # An index over many documents takes its time; the deadline of a request is not for it.
        with pymongo.timeout(_STEP_SECONDS):
            await _apply(engine, version, say)
    finally:
        await _give_back(engine, lease)
    return True


async def _apply(engine: Engine, version: int, say: Say) -> None:
    for shape in SHAPES:
        say(f"{shape.name}: validator and {len(shape.indexes)} indexes")
        await engine.answer(_shape(engine.database, shape))
    for step in _steps_after(version):
        say(f"data: {step.name}")
        await engine.answer(step.apply(engine.database))
    moved = engine.writing("migrations").update_one(
        _THE_ONE | {"version": version}, {"$set": {"version": VERSION}}
    )
    await engine.answer(moved)
    say(f"version {VERSION}")


def _steps_after(version: int) -> Iterator[DataStep]:
    # An empty database has no data to change.
    return (step for step in DATA_STEPS if version and step.version > version)


async def _shape(database: Database, shape: Shape) -> None:
    try:
        await database.create_collection(
            shape.name, validator=shape.validator(), check_exists=False
        )
    except (OperationFailure, CollectionInvalid) as error:
        if getattr(error, "code", _NAMESPACE_EXISTS) != _NAMESPACE_EXISTS:
            raise
        await database.command("collMod", shape.name, validator=shape.validator())
    if shape.indexes:
        await database.command(
            "createIndexes", shape.name, indexes=[index.options() for index in shape.indexes]
        )


async def _lease(engine: Engine, say: Say) -> Document:
    lease = {"token": secrets.token_hex(8), "until": 0}
    gives_up_at = time.time() + 10 * _LEASE_SECONDS
    said = False
    while not await _take(engine, lease):
        if not said:
            say("another process is migrating; waiting for it")
            said = True
        if time.time() > gives_up_at:
            raise Unavailable(message="Another process holds the migration and does not end.")
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return lease


async def _take(engine: Engine, lease: Document) -> bool:
    now = int(time.time())
    lease["until"] = now + _LEASE_SECONDS
    collection = engine.writing("migrations")
    try:
        await engine.answer(collection.insert_one(_THE_ONE | {"version": 0, "lease": lease}))
    except ValueError:
        taken = collection.update_one(
            _THE_ONE | {"$or": [{"lease": None}, {"lease.until": {"$lt": now}}]},
            {"$set": {"lease": lease}},
        )
        return (await engine.answer(taken)).matched_count == 1
    return True


async def _give_back(engine: Engine, lease: Document) -> None:
    given_back = engine.writing("migrations").update_one(
        _THE_ONE | {"lease.token": lease["token"]}, {"$unset": {"lease": ""}}
    )
    try:
        await given_back
    except PyMongoError:
        return  # it runs out by itself


def _too_new(version: int) -> DatabaseTooNew:
    return DatabaseTooNew(
        f"It has version {version}, and this Chronicle knows {VERSION}. "
        "Start the newer one that wrote it."
    )
