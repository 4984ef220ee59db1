"""Uploads' world in memory: the bytes, and who gives entries their place."""

from collections.abc import AsyncIterator, Awaitable, Callable

from chronicle.errors import Unavailable
from chronicle.ledger.ports import Placed
from chronicle.uploads.unixfs import Imported, Importer
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.uploads import InMemoryUploads
from tests.fakes.faults import Faults, step

_PIECE_BYTES = 1 << 20


class MemoryContents:
    """A content store. `live` counts files on their way in; `marks` are placed, rowless ones."""

    label = "contents"

    def __init__(
        self, has_cid: Callable[[str], Awaitable[bool]], faults: Faults | None = None
    ) -> None:
        self.faults = faults or Faults()
        self._has_cid = has_cid
        self.contents: dict[str, bytes] = {}
        self.marks: list[str] = []
        self.live = 0

    @step
    def receive(self, importer: Importer) -> "MemoryIncoming":
        self.live += 1
        return MemoryIncoming(self, importer)

    @step
    def size(self, cid: str) -> int | None:
        content = self.contents.get(cid)
        return None if content is None else len(content)

    async def read(self, cid: str, start: int, stop: int) -> AsyncIterator[bytes]:
        content = await self.faults.through("contents.read", lambda: self.contents.get(cid, b""))
        if stop > len(content):
            raise Unavailable("content_missing")
        for at in range(start, stop, _PIECE_BYTES):
            yield content[at : min(at + _PIECE_BYTES, stop)]

    async def is_referred_to(self, cid: str) -> bool:
        return cid in self.marks or await self._has_cid(cid)


class MemoryIncoming:
    """One file on its way in. What never raises is struck by no fault."""

    label = "contents"

    def __init__(self, store: MemoryContents, importer: Importer) -> None:
        self._store = store
        self.faults = store.faults
        self._importer = importer
        self._bytes = bytearray()
        self._cid: str | None = None

    @property
    def size(self) -> int:
        """Bytes that have come so far."""
        return len(self._bytes)

    @step
    def write(self, data: bytes) -> None:
        self._importer.update(data)
        self._bytes += data

    @step
    def keep(self) -> Imported:
        imported = self._importer.finish()
        self._cid = str(imported.cid)
        self._store.marks.append(self._cid)
        self._store.contents[self._cid] = bytes(self._bytes)
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

    def __init__(self, database: MemoryDatabase) -> None:
        self._uploads = InMemoryUploads(database)
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
