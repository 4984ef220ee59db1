"""The tree as it lies in the tile store: reading tiles, loading the edge, laying down growth."""

import asyncio
from collections.abc import Awaitable, Iterable

from chronicle.ledger.failures import TreeDamaged, Unreadable
from chronicle.ledger.merkle import HASH_BYTES, leaf_hash
from chronicle.ledger.ports import TileStore
from chronicle.ledger.tiles import (
    ENTRIES,
    WIDTH,
    Edge,
    Growth,
    Tile,
    cut,
    hashes_at,
    split_entries,
    split_hashes,
    tile_in,
)

CHECKPOINT_PATH = "checkpoint"


async def find_tile(store: TileStore, tile: Tile) -> bytes | None:
    """A tile's content, cut from the full tile where the partial one was collected."""
    content = await store.read(tile.path)
    if content is None and tile.width < WIDTH:
        # In this order: a partial tile is removed only when the full one stands.
        full = await store.read(tile.full.path)
        content = None if full is None else cut(tile, full)
    return content


async def read_tile(store: TileStore, tile: Tile) -> bytes:
    """A tile of hashes that the tree must have.

    Raises:
        TreeDamaged: it is missing or has another length.
    """
    content = await find_tile(store, tile)
    if content is None or len(content) != tile.width * HASH_BYTES:
        raise TreeDamaged(f"{tile.path} is missing or cut short")
    return content


async def read_entries(store: TileStore, tile: Tile) -> list[bytes]:
    """The entries of a bundle that the tree must have.

    Raises:
        TreeDamaged: it is missing or holds another number of entries.
    """
    content = await find_tile(store, tile)
    try:
        entries = split_entries(content or b"")
    except Unreadable as error:
        raise TreeDamaged(f"{tile.path} ends inside an entry") from error
    if len(entries) != tile.width:
        raise TreeDamaged(f"{tile.path} is missing or cut short")
    return entries


async def load_edge(store: TileStore, size: int) -> Edge:
    """The right edge of the stored tree at a size. Its root is for the caller to compare.

    Raises:
        TreeDamaged: a tile of the edge is missing, or the last entries do not hash to theirs.
    """
    levels, level = [], 0
    while hashes_at(level, size):
        tile = tile_in(level, hashes_at(level, size) // WIDTH, size)
        levels.append(tuple(split_hashes(await read_tile(store, tile))) if tile.width else ())
        level += 1
    last = tile_in(ENTRIES, size // WIDTH, size)
    entries = await read_entries(store, last) if last.width else []
    if entries and tuple(map(leaf_hash, entries)) != levels[0]:
        raise TreeDamaged(f"the entries in {last.path} do not hash to their leaves")
    return Edge(size, tuple(levels), tuple(entries))


async def load_tail(store: TileStore, edge: Edge, *, at_least: int) -> tuple[int, list[bytes]]:
    """The last entries of the log, and the index of the first of them.

    Raises:
        TreeDamaged: a bundle is missing.
    """
    first_bundle = max(0, edge.size - at_least) // WIDTH
    entries: list[bytes] = []
    for index in range(first_bundle, edge.size // WIDTH):
        entries += await read_entries(store, Tile(ENTRIES, index))
    return first_bundle * WIDTH, [*entries, *edge.entries]


async def lay_down(store: TileStore, growth: Growth) -> None:
    """Store what a tree has grown by. Repeatable: the same growth writes the same bytes."""
    await _all(store.write(path, content) for path, content in growth.blobs.items())
    # Only now: a reader who finds no partial tile takes the full one.
    for tile in growth.filled:
        partials = await store.list(tile.partials_folder)
        await _all(store.remove(path) for path in partials)


async def _all(effects: Iterable[Awaitable[None]]) -> None:
    """Let all of them end before the first failure is raised: none may go on unwatched."""
    for outcome in await asyncio.gather(*effects, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
