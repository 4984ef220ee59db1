"""Opens everything that keeps something: keys, the database, the bytes, shared state."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from chronicle.adapters import keys_file
from chronicle.adapters.database.sqlite.accounts import SqliteAccounts
from chronicle.adapters.database.sqlite.blocks import SqliteBlocks
from chronicle.adapters.database.sqlite.checkpoints import SqliteCheckpoints
from chronicle.adapters.database.sqlite.clock_floor import SqliteClockFloor
from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.events import SqliteEvents
from chronicle.adapters.database.sqlite.guess_counts import SqliteGuessCounts
from chronicle.adapters.database.sqlite.known_devices import SqliteKnownDevices
from chronicle.adapters.database.sqlite.mailed_tokens import SqliteMailedTokens
from chronicle.adapters.database.sqlite.mails import SqliteMails
from chronicle.adapters.database.sqlite.migrate import DatabaseTooNew, migrate
from chronicle.adapters.database.sqlite.overviews import SqliteOverviews
from chronicle.adapters.database.sqlite.sessions import SqliteSessions
from chronicle.adapters.database.sqlite.uploads import SqliteUploads
from chronicle.adapters.ipfs.local import LocalContentStore
from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey_process import ValkeyProcess
from chronicle.adapters.tiles.folder import FolderTiles
from chronicle.errors import CannotStart, Failure
from chronicle.security.keys import Keyring
from chronicle.settings import Settings

_log = logging.getLogger(__name__)

_HINT = "Is CHRONICLE_VALKEY_URL right, and is the server there running?"


@dataclass(frozen=True, slots=True)
class Storage:
    """Everything that keeps something, opened."""

    accounts: SqliteAccounts
    sessions: SqliteSessions
    events: SqliteEvents
    mailed_tokens: SqliteMailedTokens
    blocks: SqliteBlocks
    guess_counts: SqliteGuessCounts
    known_devices: SqliteKnownDevices
    mails: SqliteMails
    uploads: SqliteUploads
    overviews: SqliteOverviews
    checkpoints: SqliteCheckpoints
    clock_floor: SqliteClockFloor
    tiles: FolderTiles
    content: LocalContentStore
    shared_state: Redis
    engine: Engine


def load_keys(settings: Settings) -> Keyring:
    """The keys; development makes its own. CannotStart when they can't be used."""
    if settings.production:
        return keys_file.load(settings.keys_file)
    return keys_file.load_or_create(settings.keys_file)


async def shared_state_url(
    settings: Settings, stack: AsyncExitStack, jobs: list[Callable[[], Awaitable[None]]]
) -> str:
    """Where Valkey is; one of our own is started first, and `jobs` gets what watches it."""
    if settings.valkey_url is not None:
        return settings.valkey_url.reveal()
    process = ValkeyProcess(settings.data_dir)
    await process.start()
    stack.push_async_callback(process.stop)
    jobs.append(process.watch)
    return process.url


async def open_storage(settings: Settings, valkey_url: str, stack: AsyncExitStack) -> Storage:
    """Open it all; `stack` closes it. CannotStart when a part can't be used."""
    engine = await asyncio.to_thread(open_database, settings.database_path)
    stack.callback(engine.close)
    shared_state = valkey.connect(valkey_url)
    if not await valkey.is_up(shared_state):
        # No reason to refuse: who is signed in can go on, and it may come back at any moment.
        _log.error("Valkey does not answer; until it does, no code is made or checked. %s", _HINT)
    stack.push_async_callback(shared_state.aclose)
    uploads = SqliteUploads(engine)
    content = LocalContentStore(settings.data_dir / "content", has_cid=uploads.has_cid)
    try:
        await content.open()
    except Failure as failure:
        raise CannotStart(f"Can't use {settings.data_dir / 'content'}: {failure}") from failure
    stack.push_async_callback(content.close)
    return Storage(
        accounts=SqliteAccounts(engine),
        sessions=SqliteSessions(engine),
        events=SqliteEvents(engine),
        mailed_tokens=SqliteMailedTokens(engine),
        blocks=SqliteBlocks(engine),
        guess_counts=SqliteGuessCounts(engine),
        known_devices=SqliteKnownDevices(engine),
        mails=SqliteMails(engine),
        uploads=uploads,
        overviews=SqliteOverviews(engine),
        checkpoints=SqliteCheckpoints(engine),
        clock_floor=SqliteClockFloor(engine),
        tiles=FolderTiles(settings.data_dir / "ledger"),
        content=content,
        shared_state=shared_state,
        engine=engine,
    )


def open_database(path: Path) -> Engine:
    """The database, brought up to date. CannotStart when it can't be used."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        migrate(path)
        return Engine(path)
    except (sqlite3.Error, OSError, DatabaseTooNew) as error:
        raise CannotStart(f"The database {path} can't be used: {error}") from error
