"""Inclusion and consistency proofs, and roots of earlier trees, computed from tiles.

A proof in a log of ten million entries takes half a dozen tiles: they are worked out first, then
read at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from chronicle.ledger.merkle import (
    EMPTY_ROOT,
    Range,
    consistency_ranges,
    fold,
    inclusion_ranges,
    perfect_subtrees,
    root_of,
)
from chronicle.ledger.tiles import WIDTH, Tile, split_hashes, tile_in

ReadTile = Callable[[Tile], Awaitable[bytes]]
"""Answers a tile's content, exactly as wide as asked for. Raises when there is none."""

_HEIGHT = 8


async def inclusion_proof(index: int, size: int, read: ReadTile) -> list[bytes]:
    """The hashes that prove the entry at an index of a tree, from the leaf's sibling up.

    Raises:
        ValueError: the tree has no such entry.
    """
    return await _roots(inclusion_ranges(index, size), size, read)


async def consistency_proof(old_size: int, new_size: int, read: ReadTile) -> list[bytes]:
    """The hashes that prove a tree to have grown out of an older one.

    Raises:
        ValueError: the older tree is the larger.
    """
    return await _roots(consistency_ranges(old_size, new_size), new_size, read)


async def root_at(size: int, read: ReadTile) -> bytes:
    """The root that the tree had at a size."""
    if size == 0:
        return EMPTY_ROOT
    return (await _roots([(0, size)], size, read))[0]


async def _roots(ranges: list[Range], size: int, read: ReadTile) -> list[bytes]:
    nodes = {leaves: perfect_subtrees(leaves) for leaves in ranges}
    tiles = await _read_all(
        {_tile_of(node, size) for found in nodes.values() for node in found}, read
    )
    return [
        fold([_subtree(node, tiles[_tile_of(node, size)]) for node in nodes[leaves]])
        for leaves in ranges
    ]


async def _read_all(tiles: Iterable[Tile], read: ReadTile) -> dict[Tile, list[bytes]]:
    wanted = list(tiles)
    contents = await asyncio.gather(*(read(tile) for tile in wanted))
    return {tile: split_hashes(each) for tile, each in zip(wanted, contents, strict=True)}


def _tile_of(node: tuple[int, int], size: int) -> Tile:
    """The tile whose hashes make up a complete subtree, given by its height and position."""
    height, position = node
    level, rest = divmod(height, _HEIGHT)
    return tile_in(level, (position << rest) // WIDTH, size)


def _subtree(node: tuple[int, int], hashes: list[bytes]) -> bytes:
    height, position = node
    rest = height % _HEIGHT
    start = (position << rest) % WIDTH
    return root_of(hashes[start : start + (1 << rest)])
