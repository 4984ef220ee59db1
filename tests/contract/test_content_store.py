"""What every content store promises."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chronicle.adapters.ipfs.local import LocalContentStore
from chronicle.errors import Unavailable
from chronicle.uploads.cids import RAW, Cid
from chronicle.uploads.ports import ContentStore, IncomingContent
from chronicle.uploads.unixfs import DEFAULT_PROFILE, PROFILES, Importer, compute_cid
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.uploads import InMemoryUploads
from tests.fakes.faults import Fault
from tests.fakes.uploads import MemoryContents

MIB = 1 << 20
ABSENT = str(Cid(1, RAW, hashlib.sha256(b"absent").digest()))


class Rows(InMemoryUploads):
    """A table that refers to the CIDs in `cids`."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase())
        self.cids: set[str] = set()

    async def has_cid(self, cid: str) -> bool:
        return await super().has_cid(cid) or cid in self.cids


@pytest.fixture
def rows() -> Rows:
    return Rows()


@asynccontextmanager
async def local_store(folder: Path, rows: Rows) -> AsyncIterator[ContentStore]:
    store = LocalContentStore(folder, has_cid=rows.has_cid)
    await store.open()
    yield store
    await store.close()


@pytest.fixture(params=["local", "memory"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, rows: Rows
) -> AsyncIterator[ContentStore]:
    if request.param == "memory":
        yield MemoryContents(rows.has_cid)
        return
    async with local_store(tmp_path / "content", rows) as store:
        yield store


async def begin(store: ContentStore, profile: str = DEFAULT_PROFILE) -> IncomingContent:
    return await store.receive(Importer(PROFILES[profile]))


async def kept(store: ContentStore, content: bytes) -> tuple[IncomingContent, str]:
    incoming = await begin(store)
    await incoming.write(content)
    imported = await incoming.keep()
    return incoming, str(imported.cid)


async def everything(store: ContentStore, cid: str) -> bytes | None:
    size = await store.size(cid)
    return None if size is None else b"".join([piece async for piece in store.read(cid, 0, size)])


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("size", [0, 1, MIB, 3 * MIB + 5])
async def test_what_was_kept_reads_back_under_its_cid(
    store: ContentStore, profile: str, size: int
) -> None:
    content = hashlib.shake_128(b"content").digest(size)
    incoming = await begin(store, profile)
    for start in range(0, size, 100_000):
        await incoming.write(content[start : start + 100_000])
    imported = await incoming.keep()
    await incoming.settle()
    assert str(imported.cid) == compute_cid([content], profile)
    assert imported.size == size
    assert await store.size(str(imported.cid)) == size
    assert await everything(store, str(imported.cid)) == content


async def test_any_range_reads_back_in_pieces_of_at_most_a_mebibyte(store: ContentStore) -> None:
    content = hashlib.shake_128(b"ranges").digest(2 * MIB + 10)
    incoming, cid = await kept(store, content)
    await incoming.settle()
    for start, stop in [(0, 1), (5, 5), (MIB - 1, MIB + 1), (7, 2 * MIB + 10)]:
        pieces = [piece async for piece in store.read(cid, start, stop)]
        assert b"".join(pieces) == content[start:stop]
        assert all(len(piece) <= MIB for piece in pieces)


async def test_what_is_not_there_has_no_size_and_can_not_be_read(store: ContentStore) -> None:
    assert await store.size(ABSENT) is None
    with pytest.raises(Unavailable, match="content_missing"):
        await anext(aiter(store.read(ABSENT, 0, 1)))


async def test_reading_past_the_end_fails_instead_of_ending_early(store: ContentStore) -> None:
    incoming, cid = await kept(store, b"four")
    await incoming.settle()
    with pytest.raises(Unavailable, match="content_missing"):
        _ = [piece async for piece in store.read(cid, 0, 5)]


async def test_nothing_is_visible_before_it_is_kept(store: ContentStore) -> None:
    incoming = await begin(store)
    await incoming.write(b"not yet")
    assert await store.size(compute_cid([b"not yet"])) is None
    await incoming.discard()
    assert await store.size(compute_cid([b"not yet"])) is None


async def test_what_was_kept_and_discarded_is_gone(store: ContentStore) -> None:
    incoming, cid = await kept(store, b"kept, then not")
    await incoming.discard()
    assert await store.size(cid) is None


async def test_a_discarded_file_stays_where_a_row_refers_to_it(
    store: ContentStore, rows: Rows
) -> None:
    first, cid = await kept(store, b"twice")
    rows.cids.add(cid)
    await first.settle()
    second, _ = await kept(store, b"twice")
    await second.discard()
    assert await everything(store, cid) == b"twice"


async def test_a_discarded_file_stays_while_another_on_its_way_needs_it(
    store: ContentStore, rows: Rows
) -> None:
    first, cid = await kept(store, b"two at once")
    second, _ = await kept(store, b"two at once")
    await first.discard()
    assert await everything(store, cid) == b"two at once"
    rows.cids.add(cid)
    await second.settle()
    assert await everything(store, cid) == b"two at once"


async def test_of_two_discarded_files_with_one_cid_nothing_is_left(store: ContentStore) -> None:
    first, cid = await kept(store, b"both go")
    second, _ = await kept(store, b"both go")
    await second.discard()
    await first.discard()
    assert await store.size(cid) is None


async def test_where_rows_can_not_be_asked_a_discarded_file_stays(
    store: ContentStore, rows: Rows
) -> None:
    incoming, cid = await kept(store, b"who knows")
    rows.faults.named["uploads.has_cid"] = Fault.FAILS
    await incoming.discard()
    assert await everything(store, cid) == b"who knows"
