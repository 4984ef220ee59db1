"""What the local store promises beyond its port: crashes, full disks, other processes."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from chronicle.adapters.ipfs.incoming import LocalIncoming
from chronicle.adapters.ipfs.local import LocalContentStore
from chronicle.adapters.ipfs.shelf import Claim, Mark, Shelf
from chronicle.errors import Unavailable
from chronicle.uploads.car import encode_car
from chronicle.uploads.cids import InvalidCid
from chronicle.uploads.unixfs import PROFILES, Imported, Importer, compute_cid

MIB = 1 << 20
PROFILE = PROFILES["unixfs-v1-2025"]
CHILD_SECONDS = 30


class Rows:
    """Tells which CIDs rows refer to, and what it was asked."""

    def __init__(self) -> None:
        self.cids: set[str] = set()
        self.asked: list[str] = []

    async def has_cid(self, cid: str) -> bool:
        self.asked.append(cid)
        return cid in self.cids


@pytest.fixture
def rows() -> Rows:
    return Rows()


@asynccontextmanager
async def opened(folder: Path, rows: Rows) -> AsyncIterator[LocalContentStore]:
    store = LocalContentStore(folder, has_cid=rows.has_cid)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def begun(store: LocalContentStore, content: bytes) -> LocalIncoming:
    incoming = await store.receive(Importer(PROFILE))
    await incoming.write(content)
    return incoming


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def dag_of(content: bytes) -> Imported:
    importer = Importer(PROFILE)
    importer.update(content)
    return importer.finish()


async def test_a_settled_file_is_one_flat_file_and_its_inner_nodes(
    tmp_path: Path, rows: Rows
) -> None:
    content = os.urandom(2 * MIB + 1)
    async with opened(tmp_path, rows) as store:
        incoming = await begun(store, content)
        imported = await incoming.keep()
        await incoming.settle()
    shard = f"files/{imported.cid.digest[0]:02x}"
    assert files(tmp_path) == [f"{shard}/{imported.cid}", f"{shard}/{imported.cid}.dag"]
    assert (tmp_path / shard / str(imported.cid)).read_bytes() == content
    car = (tmp_path / shard / f"{imported.cid}.dag").read_bytes()
    assert car == encode_car(imported.cid, imported.inner_nodes)
    assert names(tmp_path / "incoming") == []


async def test_a_discarded_file_leaves_nothing_on_the_disk(tmp_path: Path, rows: Rows) -> None:
    async with opened(tmp_path, rows) as store:
        unkept = await begun(store, os.urandom(3 * MIB))
        kept = await begun(store, os.urandom(3 * MIB))
        await kept.keep()
        await unkept.discard()
        await kept.discard()
        assert files(tmp_path) == []


async def test_cancelling_while_the_disk_works_leaves_nothing(tmp_path: Path, rows: Rows) -> None:
    async with opened(tmp_path, rows) as store:
        incoming = await begun(store, os.urandom(3 * MIB))
        keeping = asyncio.ensure_future(incoming.keep())
        await asyncio.sleep(0)
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping
        await incoming.discard()
        assert files(tmp_path) == []


@contextmanager
def files_may_have(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit", [MIB // 2, 5 * MIB + 77])
async def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, rows: Rows, limit: int
) -> None:
    async with opened(tmp_path, rows) as store:
        with files_may_have(limit):
            incoming = await store.receive(Importer(PROFILE))
            with pytest.raises(Unavailable) as refused:
                await write_and_keep(incoming)
            await incoming.discard()
        assert refused.value.code == "storage_full"
        assert files(tmp_path) == []


async def write_and_keep(incoming: LocalIncoming) -> None:
    for _ in range(80):
        await incoming.write(bytes(100_000))
    await incoming.keep()


async def test_a_folder_that_can_not_be_written_is_told_at_the_start(
    tmp_path: Path, rows: Rows
) -> None:
    (tmp_path / "files").write_text("in the way")
    store = LocalContentStore(tmp_path, has_cid=rows.has_cid)
    with pytest.raises(Unavailable):
        await store.open()
    await store.close()


CHILD = """
    import asyncio, sys, time
    from pathlib import Path
    from chronicle.adapters.ipfs.local import LocalContentStore
    from chronicle.uploads.unixfs import PROFILES, Importer

    async def has_cid(cid):
        return False

    async def main():
        store = LocalContentStore(Path(sys.argv[1]), has_cid=has_cid)
        await store.open()
        incoming = await store.receive(Importer(PROFILES["unixfs-v1-2025"]))
        for _ in range(30):
            await incoming.write(b"killed" * 20_000)
        if sys.argv[2] == "kept":
            await incoming.keep()
        print("now", flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
"""
KILLED = b"killed" * 20_000 * 30


def killed_with(folder: Path, stage: str) -> None:
    """Let another process take a file in as far as `stage`, and kill it there."""
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(folder), stage], stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"now\n"
        child.send_signal(signal.SIGKILL)
        child.wait(CHILD_SECONDS)


async def test_what_a_killed_process_was_writing_is_cleared_by_the_next_start(
    tmp_path: Path, rows: Rows
) -> None:
    killed_with(tmp_path, "writing")
    assert files(tmp_path)
    async with opened(tmp_path, rows):
        assert files(tmp_path) == []
        assert rows.asked == []


async def test_what_a_killed_process_kept_without_a_row_is_cleared(
    tmp_path: Path, rows: Rows
) -> None:
    killed_with(tmp_path, "kept")
    async with opened(tmp_path, rows):
        assert files(tmp_path) == []


async def test_what_a_killed_process_kept_stays_if_its_row_was_committed(
    tmp_path: Path, rows: Rows
) -> None:
    cid = compute_cid([KILLED])
    killed_with(tmp_path, "kept")
    rows.cids.add(cid)
    async with opened(tmp_path, rows) as store:
        assert await store.size(cid) == len(KILLED)
        assert names(tmp_path / "incoming") == [claim_of(store)]


def claim_of(store: LocalContentStore) -> str:
    assert store._claim is not None
    return store._claim.path.name


async def test_a_start_asks_only_for_what_was_marked(tmp_path: Path, rows: Rows) -> None:
    async with opened(tmp_path, rows) as store:
        incoming = await begun(store, b"settled before")
        imported = await incoming.keep()
        rows.cids.add(str(imported.cid))
        await incoming.settle()
    killed_with(tmp_path, "kept")
    async with opened(tmp_path, rows):
        assert rows.asked == [compute_cid([KILLED])]


def marked(shelf: Shelf, draft: Path, dag: Imported) -> Mark:
    mark = Mark.of(draft, str(dag.cid))
    shelf.note(mark)
    return mark


Stage = Callable[[Shelf, Path, Imported], object]

STAGES: dict[str, Stage] = {
    "before the mark": lambda shelf, draft, dag: None,
    "after the mark": marked,
    "after the inner nodes": lambda shelf, draft, dag: (
        marked(shelf, draft, dag),
        shelf._place_dag(draft, dag),
    ),
    "after the rename": lambda shelf, draft, dag: shelf.place(
        marked(shelf, draft, dag), draft, dag
    ),
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
def test_a_crash_at_any_step_of_placing_is_cleared(tmp_path: Path, stage: Stage) -> None:
    content = os.urandom(MIB + 1)
    crash_at(stage, tmp_path, content)
    shelf = Shelf(tmp_path)
    shelf.clear_dead_owners(lambda cid: False)
    assert files(tmp_path) == []
    assert names(tmp_path / "incoming") == []


def crash_at(stage: Stage, folder: Path, content: bytes) -> None:
    shelf = Shelf(folder)
    shelf.prepare()
    claim = shelf.claim("dead")
    draft = claim.path / "draft"
    draft.write_bytes(content)
    stage(shelf, draft, dag_of(content))
    die(claim)


def die(claim: Claim) -> None:
    os.close(claim.folder)


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
def test_a_crash_takes_nothing_from_an_earlier_upload_of_the_same_bytes(
    tmp_path: Path, stage: Stage
) -> None:
    content = os.urandom(MIB + 1)
    crash_at(STAGES["after the rename"], tmp_path, content)
    Shelf(tmp_path).clear_dead_owners(lambda cid: True)
    before = files(tmp_path)
    crash_at(stage, tmp_path, content)
    Shelf(tmp_path).clear_dead_owners(lambda cid: True)
    assert files(tmp_path) == before
    assert len(before) == 2


async def test_a_start_leaves_the_drafts_of_a_living_process_alone(
    tmp_path: Path, rows: Rows
) -> None:
    async with opened(tmp_path, rows) as living:
        incoming = await begun(living, b"still coming, ")
        kept = await begun(living, b"kept, not yet committed")
        kept_cid = str((await kept.keep()).cid)
        async with opened(tmp_path, rows) as starting:
            assert await starting.size(kept_cid) is not None
            await incoming.write(b"and coming")
            imported = await incoming.keep()
            assert await starting.size(str(imported.cid)) == 24
        await incoming.discard()
        await kept.discard()
        assert files(tmp_path) == []


async def test_a_start_leaves_what_a_living_process_needs_to_it(tmp_path: Path, rows: Rows) -> None:
    async with opened(tmp_path, rows) as living:
        kept = await begun(living, KILLED)
        cid = str((await kept.keep()).cid)
        killed_with(tmp_path, "kept")
        async with opened(tmp_path, rows) as starting:
            assert await starting.size(cid) == len(KILLED)
        await kept.discard()
        assert files(tmp_path) == []


async def test_racing_uploads_of_the_same_bytes_never_lose_what_a_row_refers_to(
    tmp_path: Path, rows: Rows
) -> None:
    contents = [os.urandom(10), os.urandom(MIB + 10)]
    async with opened(tmp_path, rows) as one, opened(tmp_path, rows) as other:

        async def upload(number: int) -> None:
            store, content = (one, other)[number % 2], contents[number // 2 % 2]
            incoming = await begun(store, content)
            imported = await incoming.keep()
            assert await store.size(str(imported.cid)) == len(content)
            if number % 8 == 5:  # always of the first content
                rows.cids.add(str(imported.cid))
                await incoming.settle()
            else:
                await incoming.discard()
            for cid in rows.cids:
                assert await store.size(cid) is not None

        await asyncio.gather(*map(upload, range(96)))
    cid = compute_cid([contents[0]])
    assert rows.cids == {cid}
    assert [Path(name).name for name in files(tmp_path)] == [cid]


def test_a_mark_that_turns_into_a_row_meanwhile_is_not_overlooked(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.prepare()
    claim = shelf.claim("owner")
    ours, theirs = (placed(shelf, claim.path / name, b"same") for name in ("ours", "theirs"))
    rows: set[str] = set()

    def has_row_just_before_it_is_committed(cid: str) -> bool:
        known = cid in rows
        rows.add(cid)
        theirs.path.unlink()
        return known

    shelf.withdraw(ours, has_row_just_before_it_is_committed)
    assert shelf.path(ours.cid).read_bytes() == b"same"
    die(claim)


def test_two_that_withdraw_at_once_do_not_leave_it_to_each_other(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.prepare()
    claim = shelf.claim("owner")
    marks = [placed(shelf, claim.path / str(number), b"same") for number in range(8)]
    start = threading.Barrier(len(marks))

    def withdraw(mark: Mark) -> None:
        start.wait(CHILD_SECONDS)
        shelf.withdraw(mark, lambda cid: False)

    with ThreadPoolExecutor(len(marks)) as threads:
        list(threads.map(withdraw, marks))
    assert files(tmp_path) == []
    die(claim)


def placed(shelf: Shelf, draft: Path, content: bytes) -> Mark:
    draft.write_bytes(content)
    mark = marked(shelf, draft, dag_of(content))
    shelf.place(mark, draft, dag_of(content))
    return mark


async def test_many_small_pieces_are_written_in_order(tmp_path: Path, rows: Rows) -> None:
    content = os.urandom(5000)
    async with opened(tmp_path, rows) as store:
        incoming = await store.receive(Importer(PROFILE))
        for at in range(len(content)):
            await incoming.write(content[at : at + 1])
        imported = await incoming.keep()
        await incoming.settle()
        assert b"".join([p async for p in store.read(str(imported.cid), 0, 5000)]) == content


async def test_a_path_can_not_be_smuggled_in_as_a_cid(tmp_path: Path, rows: Rows) -> None:
    async with opened(tmp_path, rows) as store:
        with pytest.raises(InvalidCid):
            await store.size("../../secret")
