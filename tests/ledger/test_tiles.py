import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronicle.ledger.failures import TreeDamaged, Unreadable
from chronicle.ledger.merkle import leaf_hash, root_of
from chronicle.ledger.stored_tree import find_tile, lay_down, load_edge
from chronicle.ledger.tiles import (
    ENTRIES,
    Edge,
    Tile,
    grow,
    join_entries,
    parse_tile_path,
    split_entries,
)
from tests.fakes.ledger import MemoryTiles


def entries(count: int) -> list[bytes]:
    return [b"entry %d" % index for index in range(count)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(63, 1234067), "tile/63/x001/x234/067"),
        (Tile(1, 17, 5), "tile/1/017.p/5"),
        (Tile(ENTRIES, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_a_tile_has_one_path(tile: Tile, path: str):
    assert tile.path == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/x001/x000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/999",
        "tile/0/000.p",
        "tile/0/000/",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/../000",
        "tile/0/\u0660\u0660\u0660",
        "tile/entries/x1/000",
        "tile/0/" + "x999/" * 6 + "999",
    ],
)
def test_no_other_path_is_a_tile(path: str):
    assert parse_tile_path(path) is None


@given(st.text(max_size=60))
def test_any_text_is_a_path_or_none(text: str):
    tile = parse_tile_path(text)
    assert tile is None or tile.path == text


@given(st.integers(-1, 63), st.integers(0, 10**18 - 1), st.integers(1, 256))
def test_every_tile_is_found_again_by_its_path(level: int, index: int, width: int):
    tile = Tile(level, index, width)
    assert parse_tile_path(tile.path) == tile


def test_a_tree_of_70000_has_the_tiles_of_the_specification():
    blobs = grow(Edge(), entries(70_000)).blobs
    widths = {path: len(content) // 32 for path, content in blobs.items() if "entries" not in path}
    assert sum(width == 256 for path, width in widths.items() if path.startswith("tile/0/")) == 273
    assert widths["tile/0/273.p/112"] == 112
    assert widths["tile/1/000"] == 256
    assert widths["tile/1/001.p/17"] == 17
    assert widths["tile/2/000.p/1"] == 1
    assert len(widths) == 277


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above_it():
    blobs = grow(Edge(), entries(256)).blobs
    assert set(blobs) == {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"}


@given(st.lists(st.integers(1, 600), min_size=1, max_size=6))
@settings(max_examples=40)
async def test_a_tree_is_the_same_however_it_grew(steps: list[int]):
    tiles, edge = MemoryTiles(), Edge()
    everything = entries(sum(steps))
    for step in steps:
        growth = grow(edge, everything[edge.size : edge.size + step])
        await lay_down(tiles, growth)
        edge = growth.edge
        assert edge.head.root == root_of([leaf_hash(each) for each in everything[: edge.size]])
        assert await load_edge(tiles, edge.size) == edge
    for path, content in grow(Edge(), everything).blobs.items():
        assert tiles.blobs[path] == content


async def test_partial_tiles_are_gone_once_the_full_one_stands_and_are_cut_from_it():
    tiles, edge = MemoryTiles(), Edge()
    for step in (100, 100, 100):
        growth = grow(edge, entries(300)[edge.size : edge.size + step])
        await lay_down(tiles, growth)
        edge = growth.edge
    assert [path for path in tiles.blobs if path.startswith("tile/0/000")] == ["tile/0/000"]
    assert [path for path in tiles.blobs if "entries/000" in path] == ["tile/entries/000"]
    assert (
        await find_tile(tiles, Tile(0, 0, 200))
        == grow(Edge(), entries(200)).blobs["tile/0/000.p/200"]
    )
    assert await find_tile(tiles, Tile(ENTRIES, 0, 200)) == join_entries(entries(200))
    assert await find_tile(tiles, Tile(0, 7)) is None


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"])
async def test_a_damaged_edge_is_noticed(path: str):
    tiles = MemoryTiles()
    await lay_down(tiles, grow(Edge(), entries(300)))
    whole = tiles.blobs.pop(path)
    with pytest.raises(TreeDamaged):
        await load_edge(tiles, 300)
    tiles.blobs[path] = whole[:-1]
    with pytest.raises(TreeDamaged):
        await load_edge(tiles, 300)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_its_entries_back(items: list[bytes]):
    assert split_entries(join_entries(items)) == items


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_or_unreadable(content: bytes):
    try:
        items = split_entries(content)
    except Unreadable:
        return
    assert join_entries(items) == content
