"""Opens the database that the settings name: one SQLite file, or MongoDB."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from chronicle.adapters.database.grants_in_parts import GrantsInParts
from chronicle.adapters.database.sqlite import engine as sqlite_engine
from chronicle.adapters.database.sqlite import migrate as sqlite_migrate
from chronicle.adapters.database.sqlite.accounts import SqliteAccounts
from chronicle.adapters.database.sqlite.blocks import SqliteBlocks
from chronicle.adapters.database.sqlite.checkpoints import SqliteCheckpoints
from chronicle.adapters.database.sqlite.clock_floor import SqliteClockFloor
from chronicle.adapters.database.sqlite.events import SqliteEvents
from chronicle.adapters.database.sqlite.grants import SqliteGrants
from chronicle.adapters.database.sqlite.guess_counts import SqliteGuessCounts
from chronicle.adapters.database.sqlite.known_devices import SqliteKnownDevices
from chronicle.adapters.database.sqlite.mailed_tokens import SqliteMailedTokens
from chronicle.adapters.database.sqlite.mails import SqliteMails
from chronicle.adapters.database.sqlite.overviews import SqliteOverviews
from chronicle.adapters.database.sqlite.sessions import SqliteSessions
from chronicle.adapters.database.sqlite.uploads import SqliteUploads
from chronicle.auth.ports import Grants, MailQueue, Sessions
from chronicle.clock import ClockFloor
from chronicle.errors import CannotStart, Failure
from chronicle.ledger.ports import Checkpoints, EntrySource
from chronicle.overview.ports import Overviews
from chronicle.security.ports import Blocks, Events, GuessCounts, KnownDevices, MailedTokens
from chronicle.setting_values import SecretUrl
from chronicle.settings import Settings
from chronicle.uploads.ports import Uploads
from chronicle.users.ports import Accounts

if TYPE_CHECKING:
    from chronicle.adapters.database.mongo.engine import Engine as MongoEngine

Say = Callable[[str], None]


class LoggedAccounts(Accounts, EntrySource, Protocol):
    """Accounts, and the changes of their credentials as ledger entries."""


class LoggedEvents(Events, EntrySource, Protocol):
    """Events, and the granted ones as ledger entries."""


class LoggedUploads(Uploads, EntrySource, Protocol):
    """Uploads as ledger entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Every table, whatever holds them."""

    accounts: LoggedAccounts
    sessions: Sessions
    grants: Grants
    events: LoggedEvents
    mailed_tokens: MailedTokens
    blocks: Blocks
    guess_counts: GuessCounts
    known_devices: KnownDevices
    mails: MailQueue
    uploads: LoggedUploads
    overviews: Overviews
    checkpoints: Checkpoints
    clock_floor: ClockFloor
    database_is_up: Callable[[], Awaitable[bool]]


async def open_tables(settings: Settings, stack: AsyncExitStack) -> Tables:
    """The database, of the right version; `stack` closes it.

    Raises:
        CannotStart: it can't be reached or used; the message says what to do.
    """
    if settings.database_path is None:
        return await _open_mongo(settings.database_url, stack)
    engine = await asyncio.to_thread(_open_file, settings.database_path)
    stack.callback(engine.close)
    return sqlite_tables(engine)


def sqlite_tables(engine: sqlite_engine.Engine) -> Tables:
    """Every table, in one SQLite file."""
    return Tables(
        accounts=SqliteAccounts(engine),
        sessions=SqliteSessions(engine),
        grants=SqliteGrants(engine),
        events=SqliteEvents(engine),
        mailed_tokens=SqliteMailedTokens(engine),
        blocks=SqliteBlocks(engine),
        guess_counts=SqliteGuessCounts(engine),
        known_devices=SqliteKnownDevices(engine),
        mails=SqliteMails(engine),
        uploads=SqliteUploads(engine),
        overviews=SqliteOverviews(engine),
        checkpoints=SqliteCheckpoints(engine),
        clock_floor=SqliteClockFloor(engine),
        database_is_up=engine.is_up,
    )


async def migrate_database(settings: Settings, say: Say) -> None:
    """Bring the database up to date, saying each step.

    Raises:
        CannotStart: it can't be reached or used, or is ahead of this Chronicle.
    """
    if settings.database_path is not None:
        steps = await asyncio.to_thread(_migrate_file, settings.database_path)
        for step in steps:
            say(f"{step.version:04} {step.name}")
        say("The database is up to date.")
        return
    # Only now: the driver takes its time to load, and who uses SQLite does not need it.
    from chronicle.adapters.database.mongo import migrate as mongo_migrate  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        engine = await _connect(settings.database_url, stack)
        try:
            await mongo_migrate.migrate(engine, say=say)
        except mongo_migrate.DatabaseTooNew as error:
            raise _unusable(settings.database_url, error) from error
        except Failure as failure:
            raise CannotStart(
                f"The migration stopped: {failure.message} What was done stays; run it again."
            ) from failure
    say("The database is up to date.")


def _open_file(path: Path) -> sqlite_engine.Engine:
    _migrate_file(path)
    try:
        return sqlite_engine.Engine(path)
    except sqlite3.Error as error:
        raise CannotStart(f"The database {path} can't be used: {error}") from error


def _migrate_file(path: Path) -> list[sqlite_migrate.Migration]:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return sqlite_migrate.migrate(path)
    except (sqlite3.Error, OSError, sqlite_migrate.DatabaseTooNew) as error:
        raise CannotStart(f"The database {path} can't be used: {error}") from error


def mongo_tables(engine: "MongoEngine") -> Tables:
    """Every table, in one MongoDB database."""
    # Only now: the driver takes its time to load, and who uses SQLite does not need it.
    from chronicle.adapters.database.mongo.accounts import MongoAccounts  # noqa: PLC0415
    from chronicle.adapters.database.mongo.blocks import MongoBlocks  # noqa: PLC0415
    from chronicle.adapters.database.mongo.checkpoints import MongoCheckpoints  # noqa: PLC0415
    from chronicle.adapters.database.mongo.clock_floor import MongoClockFloor  # noqa: PLC0415
    from chronicle.adapters.database.mongo.events import MongoEvents  # noqa: PLC0415
    from chronicle.adapters.database.mongo.guess_counts import MongoGuessCounts  # noqa: PLC0415
    from chronicle.adapters.database.mongo.known_devices import MongoKnownDevices  # noqa: PLC0415
    from chronicle.adapters.database.mongo.mailed_tokens import MongoMailedTokens  # noqa: PLC0415
    from chronicle.adapters.database.mongo.mails import MongoMails  # noqa: PLC0415
    from chronicle.adapters.database.mongo.overviews import MongoOverviews  # noqa: PLC0415
    from chronicle.adapters.database.mongo.sessions import MongoSessions  # noqa: PLC0415
    from chronicle.adapters.database.mongo.uploads import MongoUploads  # noqa: PLC0415

    events, sessions = MongoEvents(engine), MongoSessions(engine)
    guess_counts, known_devices = MongoGuessCounts(engine), MongoKnownDevices(engine)
    return Tables(
        accounts=MongoAccounts(engine),
        sessions=sessions,
        grants=GrantsInParts(
            events=events,
            sessions=sessions,
            guess_counts=guess_counts,
            known_devices=known_devices,
        ),
        events=events,
        mailed_tokens=MongoMailedTokens(engine),
        blocks=MongoBlocks(engine),
        guess_counts=guess_counts,
        known_devices=known_devices,
        mails=MongoMails(engine),
        uploads=MongoUploads(engine),
        overviews=MongoOverviews(engine),
        checkpoints=MongoCheckpoints(engine),
        clock_floor=MongoClockFloor(engine),
        database_is_up=engine.is_up,
    )


async def _open_mongo(url: SecretUrl, stack: AsyncExitStack) -> Tables:
    from chronicle.adapters.database.mongo.migrate import (  # noqa: PLC0415
        DatabaseBehind,
        DatabaseTooNew,
        prepare,
    )

    engine = await _connect(url, stack)
    try:
        await prepare(engine)
    except (DatabaseBehind, DatabaseTooNew) as error:
        raise _unusable(url, error) from error
    except Failure as failure:
        raise _unreachable(url, failure.message) from failure
    return mongo_tables(engine)


async def _connect(url: SecretUrl, stack: AsyncExitStack) -> "MongoEngine":
    from chronicle.adapters.database.mongo import engine as mongo_engine  # noqa: PLC0415

    try:
        engine = await mongo_engine.open_engine(url.reveal())
    except mongo_engine.CannotConnect as error:
        raise _unreachable(url, str(error)) from error
    stack.push_async_callback(engine.close)
    return engine


def _unreachable(url: SecretUrl, why: str) -> CannotStart:
    return CannotStart(
        f"The database {url} can't be reached: {why}\n"
        "Is CHRONICLE_DATABASE_URL right, and is the server there running?"
    )


def _unusable(url: SecretUrl, why: Exception) -> CannotStart:
    return CannotStart(f"The database {url} can't be used: {why}")
