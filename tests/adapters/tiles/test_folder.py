import asyncio
import errno
import fcntl
import os
from pathlib import Path

import pytest

from chronicle.adapters.tiles.folder import FolderTiles
from chronicle.errors import Unavailable


def drafts(root: Path) -> list[Path]:
    return list((root / ".incoming").iterdir())


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../x", "a//b", ".incoming/x", "a/.b", "a\\b", "a\0b", "a/"],
)
async def test_a_path_leads_nowhere_else(tmp_path: Path, path: str):
    tiles = FolderTiles(tmp_path / "ledger")
    for attempt in (tiles.read(path), tiles.write(path, b""), tiles.remove(path)):
        with pytest.raises(ValueError, match="is no path of a blob"):
            await attempt


async def test_nothing_is_made_before_the_first_write(tmp_path: Path):
    tiles = FolderTiles(tmp_path / "deep" / "ledger")
    assert await tiles.read("checkpoint") is None
    assert not (tmp_path / "deep").exists()


async def test_no_draft_is_left_behind(tmp_path: Path):
    tiles = FolderTiles(tmp_path)
    await asyncio.gather(*(tiles.write(f"tile/0/{n:03}", b"x") for n in range(20)))
    assert drafts(tmp_path) == []


async def test_a_full_disk_leaves_the_old_blob_and_no_draft(tmp_path: Path, monkeypatch):
    tiles = FolderTiles(tmp_path)
    await tiles.write("checkpoint", b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable) as refused:
        await tiles.write("checkpoint", b"new")
    assert refused.value.code == "storage_unavailable"
    monkeypatch.undo()
    assert await tiles.read("checkpoint") == b"old"
    assert drafts(tmp_path) == []


async def test_file_and_folders_are_synced_before_a_write_returns(tmp_path: Path, monkeypatch):
    synced: list[Path] = []
    fsync = os.fsync

    def noticed(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noticed)
    root = tmp_path / "ledger"
    await FolderTiles(root).write("tile/0/000", b"x")
    # The file under its draft's name, then the folder that it was renamed into; on the way there
    # each folder that holds a new one.
    assert synced[-2].parent == root / ".incoming" or synced[-2] == root / "tile"
    assert synced[-1] == root / "tile" / "0"
    assert {tmp_path, root, root / "tile"} <= set(synced)
    synced.clear()
    # A folder that was there before may not have been synced by who made it.
    await FolderTiles(root).write("tile/0/001", b"x")
    assert {root, root / "tile", root / "tile" / "0"} <= set(synced)


async def test_the_draft_of_a_killed_writer_is_swept_away_and_that_of_a_live_one_is_not(
    tmp_path: Path,
):
    await FolderTiles(tmp_path).write("checkpoint", b"x")
    dead, live = tmp_path / ".incoming" / "dead", tmp_path / ".incoming" / "live"
    dead.write_bytes(b"half")
    with live.open("xb") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        await FolderTiles(tmp_path).write("checkpoint", b"y")
        assert drafts(tmp_path) == [live]


async def test_empty_folders_of_partial_tiles_do_not_pile_up(tmp_path: Path):
    tiles = FolderTiles(tmp_path)
    await tiles.write("tile/0/000.p/1", b"x")
    await tiles.write("tile/0/000.p/2", b"x")
    await tiles.remove("tile/0/000.p/1")
    assert (tmp_path / "tile/0/000.p").is_dir()
    await tiles.remove("tile/0/000.p/2")
    assert not (tmp_path / "tile/0/000.p").exists()


async def test_a_folder_that_can_not_be_used_is_said_to_be_unavailable(tmp_path: Path):
    (tmp_path / "ledger").write_bytes(b"a file")
    with pytest.raises(Unavailable):
        await FolderTiles(tmp_path / "ledger").write("checkpoint", b"x")
