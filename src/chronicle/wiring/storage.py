"""Opens everything that keeps something: keys, the database, the bytes, shared state."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields

from chronicle.adapters import keys_file
from chronicle.adapters.geoip.mmdb import MmdbPlaces, UnusablePlaces
from chronicle.adapters.geoip.nowhere import Nowhere
from chronicle.adapters.ipfs.local import LocalContentStore
from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey import Valkey
from chronicle.adapters.shared_state.valkey_process import ValkeyProcess
from chronicle.adapters.tiles.folder import FolderTiles
from chronicle.errors import CannotStart, Failure
from chronicle.security.keys import Keyring
from chronicle.security.ports import Places
from chronicle.settings import Settings
from chronicle.wiring.databases import Tables, open_tables

_log = logging.getLogger(__name__)

_HINT = "Is CHRONICLE_VALKEY_URL right, and is the server there running?"
_START_SECONDS = 2.0
_EVICTS = (
    "Valkey must not throw away limits and codes when its memory is full: set"
    " `maxmemory-policy noeviction`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(Tables):
    """Everything that keeps something, opened."""

    tiles: FolderTiles
    content: LocalContentStore
    shared_state: Valkey


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
    shared_state = await _open_shared_state(settings, valkey_url, stack)
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


async def _open_shared_state(settings: Settings, url: str, stack: AsyncExitStack) -> Valkey:
    """A client of Valkey. CannotStart in production when it would throw away what it counts."""
    trust = valkey.trust_of(
        settings.valkey_ca_file, settings.valkey_cert_file, settings.valkey_key_file
    )
    shared_state = valkey.connect(url, trust=trust)
    stack.push_async_callback(shared_state.aclose)
    if not await shared_state.is_up(within_seconds=_START_SECONDS):
        # No reason to refuse: who is signed in can go on, and it may come back at any moment.
        _log.error("Valkey does not answer; until it does, no code is made or checked. %s", _HINT)
    elif settings.production and (evicting := await shared_state.evicting()):
        raise CannotStart(f"{_EVICTS} It is another one at: {', '.join(evicting)}")
    return shared_state


class EvictionWatch:
    """Says in the log, once at each turn, that Valkey throws away keys."""

    def __init__(self, shared_state: Valkey) -> None:
        self._shared_state = shared_state
        self._before: list[str] = []

    async def look(self) -> None:
        """Look once."""
        evicting = await self._shared_state.evicting()
        if evicting and evicting != self._before:
            _log.warning("%s It is another one at: %s", _EVICTS, ", ".join(evicting))
        self._before = evicting


def open_places(settings: Settings) -> Places:
    """What tells where addresses are, if the operator has a file. CannotStart if it is no good."""
    if settings.geoip_file is None:
        return Nowhere()
    try:
        return MmdbPlaces(settings.geoip_file)
    except UnusablePlaces as error:
        raise CannotStart(f"CHRONICLE_GEOIP_FILE can't be used: {error}") from error
