"""What every tile store promises."""

import asyncio
from pathlib import Path

import pytest

from chronicle.adapters.tiles.folder import FolderTiles
from chronicle.ledger.ports import TileStore
from tests.fakes.ledger import MemoryTiles


@pytest.fixture(params=["memory", "folder"])
def tiles(request: pytest.FixtureRequest, tmp_path: Path) -> TileStore:
    return MemoryTiles() if request.param == "memory" else FolderTiles(tmp_path / "ledger")


async def test_a_blob_is_read_as_it_was_written(tiles: TileStore):
    for path, content in (("checkpoint", b"note"), ("tile/0/x001/000.p/5", bytes(160)), ("e", b"")):
        await tiles.write(path, content)
        assert await tiles.read(path) == content


async def test_there_is_none_where_nothing_was_written(tiles: TileStore):
    assert await tiles.read("tile/0/000") is None
    await tiles.write("tile/0/000", b"full")
    assert await tiles.read("tile/0") is None
    assert await tiles.read("tile/0/000/below") is None


async def test_writing_again_replaces_the_blob(tiles: TileStore):
    await tiles.write("checkpoint", b"a longer first note")
    await tiles.write("checkpoint", b"second")
    await tiles.write("checkpoint", b"second")
    assert await tiles.read("checkpoint") == b"second"


async def test_a_full_tile_stands_beside_its_partial_ones(tiles: TileStore):
    await tiles.write("tile/0/000.p/5", b"partial")
    await tiles.write("tile/0/000", b"full")
    assert await tiles.read("tile/0/000.p/5") == b"partial"
    assert await tiles.read("tile/0/000") == b"full"


async def test_a_removed_blob_is_gone_and_removing_it_again_is_no_error(tiles: TileStore):
    await tiles.write("tile/0/000.p/5", b"partial")
    await tiles.remove("tile/0/000.p/5")
    await tiles.remove("tile/0/000.p/5")
    await tiles.remove("never/was")
    assert await tiles.read("tile/0/000.p/5") is None
    assert await tiles.list("tile/0/000.p") == []


async def test_what_was_removed_can_be_written_again(tiles: TileStore):
    for _ in range(2):
        await tiles.write("tile/0/000.p/5", b"partial")
        await tiles.remove("tile/0/000.p/5")
    await tiles.write("tile/0/000.p/6", b"partial")
    assert await tiles.list("tile/0/000.p") == ["tile/0/000.p/6"]


async def test_a_listing_has_the_blobs_directly_in_a_folder_sorted(tiles: TileStore):
    for path in ("staging/2", "staging/10", "staging/1", "staging/deeper/3", "stagings"):
        await tiles.write(path, b"x")
    assert await tiles.list("staging") == ["staging/1", "staging/10", "staging/2"]
    assert await tiles.list("nothing") == []
    assert await tiles.list("stagings") == []


async def test_many_writes_at_once_all_stand(tiles: TileStore):
    blobs = {f"tile/0/x{number:03}/{number:03}": b"%d" % number * 500 for number in range(60)}
    await asyncio.gather(*(tiles.write(path, content) for path, content in blobs.items()))
    for path, content in blobs.items():
        assert await tiles.read(path) == content


async def test_rival_writes_to_one_path_leave_one_of_them_whole(tiles: TileStore):
    contents = [b"%c" % letter * 50_000 for letter in range(97, 97 + 12)]
    await asyncio.gather(*(tiles.write("checkpoint", content) for content in contents))
    assert await tiles.read("checkpoint") in contents
