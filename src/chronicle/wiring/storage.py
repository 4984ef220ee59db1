"""Opens everything that keeps something: keys, the database, the bytes, shared state."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields

from redis.asyncio import Redis

from chronicle.adapters import keys_file
from chronicle.adapters.geoip.mmdb import MmdbPlaces, UnusablePlaces
from chronicle.adapters.geoip.nowhere import Nowhere
from chronicle.adapters.ipfs.local import LocalContentStore
from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey_process import ValkeyProcess
from chronicle.adapters.tiles.folder import FolderTiles
from chronicle.errors import CannotStart, Failure
from chronicle.security.keys import Keyring
from chronicle.security.ports import Places
from chronicle.settings import Settings
from chronicle.wiring.databases import Tables, open_tables

_log = logging.getLogger(__name__)

_HINT = "Is CHRONICLE_VALKEY_URL right, and is the server there running?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(Tables):
    """Everything that keeps something, opened."""

    tiles: FolderTiles
    content: LocalContentStore
    shared_state: Redis


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
    tables = await open_tables(settings, stack)
    shared_state = valkey.connect(valkey_url)
    if not await valkey.is_up(shared_state):
        # No reason to refuse: who is signed in can go on, and it may come back at any moment.
        _log.error("Valkey does not answer; until it does, no code is made or checked. %s", _HINT)
    stack.push_async_callback(shared_state.aclose)
    content = LocalContentStore(settings.data_dir / "content", has_cid=tables.uploads.has_cid)
    try:
        await content.open()
    except Failure as failure:
        raise CannotStart(f"Can't use {settings.data_dir / 'content'}: {failure}") from failure
    stack.push_async_callback(content.close)
    return Storage(
        **{each.name: getattr(tables, each.name) for each in fields(tables)},
        tiles=FolderTiles(settings.data_dir / "ledger"),
        content=content,
        shared_state=shared_state,
    )


def open_places(settings: Settings) -> Places:
    """What tells where addresses are, if the operator has a file. CannotStart if it is no good."""
    if settings.geoip_file is None:
        return Nowhere()
    try:
        return MmdbPlaces(settings.geoip_file)
    except UnusablePlaces as error:
        raise CannotStart(f"CHRONICLE_GEOIP_FILE can't be used: {error}") from error
