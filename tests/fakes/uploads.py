"""Uploads' world in memory, with switches for how it fails.

A step fails before it took effect, or after: the second is what a lost reply looks like.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from chronicle.errors import Conflict, Unavailable
from chronicle.ledger.ports import PendingEntry, Placed
from chronicle.uploads.ports import UploadRecord
from chronicle.uploads.unixfs import Imported, Importer
from chronicle.users.ports import AccountId

_PIECE_BYTES = 1 << 20


class Switches:
    """Names of steps that are to fail. `held` steps wait until their event is set."""

    def __init__(self) -> None:
        self.fails: set[str] = set()
        self.fails_after: set[str] = set()
        self.held: dict[str, asyncio.Event] = {}
        self.reached: dict[str, asyncio.Event] = {}

    def hold(self, step: str) -> tuple[asyncio.Event, asyncio.Event]:
        """Make a step wait. Answers what tells that it was reached, and what lets it go on."""
        self.reached[step], self.held[step] = asyncio.Event(), asyncio.Event()
        return self.reached[step], self.held[step]

    async def before(self, step: str) -> None:
        if step in self.held:
            self.reached[step].set()
            await self.held[step].wait()
        if step in self.fails:
            raise Unavailable(f"{step}_failed")

    def after(self, step: str) -> None:
        if step in self.fails_after:
            raise Unavailable(f"{step}_failed")


class MemoryUploads:
    """The uploads table, and its rows as a source of entries."""

    name = "uploads"

    def __init__(self) -> None:
        self.rows: dict[bytes, UploadRecord] = {}
        self.switches = Switches()

    async def add(self, record: UploadRecord) -> None:
        await self.switches.before("add")
        keys = {row.key_index for row in self.rows.values()} - {None}
        if record.key_index in keys:
            raise Conflict("idempotency_key_taken")
        self.rows[record.id] = record
        self.switches.after("add")

    async def find_by_key(self, key_index: bytes) -> UploadRecord | None:
        await self.switches.before("find_by_key")
        return next((row for row in self.rows.values() if row.key_index == key_index), None)

    async def get(self, account_id: AccountId, upload_id: bytes) -> UploadRecord | None:
        await self.switches.before("get")
        row = self.rows.get(upload_id)
        return row if row is not None and row.account_id == account_id else None

    async def page(
        self, account_id: AccountId, *, before: bytes | None, limit: int
    ) -> Sequence[UploadRecord]:
        mine = [row for row in self.rows.values() if row.account_id == account_id]
        below = [row for row in mine if before is None or row.id < before]
        return sorted(below, key=lambda row: row.id, reverse=True)[:limit]

    async def has_cid(self, cid: str) -> bool:
        await self.switches.before("has_cid")
        return any(row.cid == cid for row in self.rows.values())

    async def pending(self, *, due: datetime, limit: int) -> Sequence[PendingEntry]:
        rows = [row for row in self.rows.values() if row.entry_index is None]
        return [PendingEntry(row.id, row.entry) for row in rows if row.created_at <= due][:limit]

    async def record_placed(self, placed: Sequence[Placed]) -> None:
        for each in placed:
            if self.rows[each.row_id].entry_index is None:
                row = replace(self.rows[each.row_id], entry_index=each.index)
                self.rows[each.row_id] = row


class MemoryContents:
    """A content store. `live` counts files on their way in; `marks` are placed, rowless ones."""

    def __init__(self, uploads: MemoryUploads) -> None:
        self._uploads = uploads
        self.contents: dict[str, bytes] = {}
        self.marks: list[str] = []
        self.live = 0
        self.switches = Switches()

    async def receive(self, importer: Importer) -> "MemoryIncoming":
        await self.switches.before("receive")
        self.live += 1
        return MemoryIncoming(self, importer)

    async def size(self, cid: str) -> int | None:
        content = self.contents.get(cid)
        return None if content is None else len(content)

    async def read(self, cid: str, start: int, stop: int) -> AsyncIterator[bytes]:
        if stop > len(self.contents.get(cid, b"")):
            raise Unavailable("content_missing")
        for at in range(start, stop, _PIECE_BYTES):
            yield self.contents[cid][at : min(at + _PIECE_BYTES, stop)]

    async def is_referred_to(self, cid: str) -> bool:
        return cid in self.marks or await self._uploads.has_cid(cid)


class MemoryIncoming:
    """One file on its way in."""

    def __init__(self, store: MemoryContents, importer: Importer) -> None:
        self._store = store
        self._importer = importer
        self._bytes = bytearray()
        self._cid: str | None = None

    async def write(self, data: bytes) -> None:
        await self._store.switches.before("write")
        self._importer.update(data)
        self._bytes += data

    async def keep(self) -> Imported:
        await self._store.switches.before("keep")
        imported = self._importer.finish()
        self._cid = str(imported.cid)
        self._store.marks.append(self._cid)
        self._store.contents[self._cid] = bytes(self._bytes)
        self._store.switches.after("keep")
        return imported

    async def settle(self) -> None:
        self._drop_mark()

    async def discard(self) -> None:
        if self._cid is not None:
            cid = self._cid
            try:
                self._store.marks.remove(cid)
                referred_to = await self._store.is_referred_to(cid)
            except Unavailable:
                self._store.marks.append(cid)
                self._store.live -= 1
                return
            if not referred_to:
                del self._store.contents[cid]
        self._store.live -= 1

    def _drop_mark(self) -> None:
        if self._cid is not None:
            self._store.marks.remove(self._cid)
        self._store.live -= 1


class Indexes:
    """Stands for the sequencer: gives an index at once, or none while `stuck`."""

    def __init__(self, uploads: MemoryUploads) -> None:
        self._uploads = uploads
        self.stuck = False
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    async def wait_for(self, source_name: str, row_id: bytes, timeout_seconds: float) -> int | None:
        if self.stuck or source_name != self._uploads.name:
            return None
        index = list(self._uploads.rows).index(row_id)
        await self._uploads.record_placed([Placed(row_id, index)])
        return index
