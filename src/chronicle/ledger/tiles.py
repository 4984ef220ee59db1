"""Tiles (https://c2sp.org/tlog-tiles): the tree and its entries as files of 256 hashes or entries.

A tree grows only along its right edge: at each level the hashes of the tile that is not full yet,
and the entries of the bundle that is not full yet. The edge is all that is kept in memory.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chronicle.ledger.failures import Unreadable
from chronicle.ledger.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, root_of
from chronicle.ledger.ports import TreeHead

WIDTH = 256
ENTRIES = -1
"""The level that stands for the entries themselves (`tile/entries/`)."""

_HEIGHT = 8
_PATH = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A place for hashes (or, at level `ENTRIES`, entries); partial when narrower than 256."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The path under the log's prefix, such as `tile/0/x001/234.p/5`."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_in_thousands(self.index)}{suffix}"

    @property
    def full(self) -> "Tile":
        """The tile that this one becomes, or is, when full."""
        return Tile(self.level, self.index)

    @property
    def partials_folder(self) -> str:
        """The folder of this tile's partial forms."""
        return f"{self.full.path}.p"

    def is_within(self, size: int) -> bool:
        """Whether a tree of this size has everything that the tile holds."""
        return self.index * WIDTH + self.width <= hashes_at(self.level, size)


def parse_tile_path(path: str) -> Tile | None:
    """The tile at a path, or None unless the path is the one form of a tile's path."""
    matched = _PATH.fullmatch(path)
    if matched is None:
        return None
    level, index, width = matched.groups()
    tile = Tile(
        ENTRIES if level == "entries" else int(level),
        int(index.replace("x", "").replace("/", "")),
        int(width) if width else WIDTH,
    )
    # Catches a width of 256 or more and leading groups of zeros: each tile has one path.
    return tile if tile.path == path and tile.width <= WIDTH else None


def hashes_at(level: int, size: int) -> int:
    """How many hashes (or entries) a tree of this size has at a tile level."""
    return size if level == ENTRIES else size >> (_HEIGHT * level)


def tile_in(level: int, index: int, size: int) -> Tile:
    """A tile as wide as it is in a tree of this size."""
    return Tile(level, index, min(WIDTH, hashes_at(level, size) - index * WIDTH))


def split_hashes(content: bytes) -> list[bytes]:
    """The hashes in a tile."""
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def join_entries(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle: each after its length as a big-endian uint16."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def split_entries(content: bytes) -> list[bytes]:
    """The entries in a bundle.

    Raises:
        Unreadable: it ends inside an entry.
    """
    entries, at = [], 0
    while at < len(content):
        stop = at + 2 + int.from_bytes(content[at : at + 2], "big")
        if stop > len(content) or at + 2 > len(content):
            raise Unreadable("a bundle of entries that ends inside an entry")
        entries.append(content[at + 2 : stop])
        at = stop
    return entries


def cut(tile: Tile, content: bytes) -> bytes:
    """The content of a tile from that of a wider one at the same place."""
    if tile.level == ENTRIES:
        return join_entries(split_entries(content)[: tile.width])
    return content[: tile.width * HASH_BYTES]


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree: per level the hashes of its partial tile, and the last entries."""

    size: int = 0
    levels: tuple[tuple[bytes, ...], ...] = ()
    entries: tuple[bytes, ...] = ()

    @property
    def head(self) -> TreeHead:
        """The size and root of the tree."""
        below: tuple[bytes, ...] = ()
        for hashes in self.levels:
            row = hashes + below
            below = (root_of(row),) if row else ()
        return TreeHead(self.size, below[0] if below else EMPTY_ROOT)


@dataclass(frozen=True, slots=True)
class Growth:
    """What a tree becomes by appending: its new edge and the new blobs by path.

    `filled` are the tiles whose partial forms are not needed once the blobs are stored.
    """

    edge: Edge
    blobs: dict[str, bytes]
    filled: tuple[Tile, ...]


def grow(edge: Edge, entries: Sequence[bytes]) -> Growth:
    """Append entries to the tree."""
    blobs: dict[str, bytes] = {}
    filled: list[Tile] = []

    def lay(level: int, old: tuple[bytes, ...], new: Sequence[bytes]) -> tuple[bytes, ...]:
        first, row = hashes_at(level, edge.size) // WIDTH, (*old, *new)
        if new:
            blobs.update(_blobs(level, first, row))
        if old and len(row) >= WIDTH:
            filled.append(Tile(level, first))
        return row

    bundles = lay(ENTRIES, edge.entries, entries)
    levels: list[tuple[bytes, ...]] = []
    new: Sequence[bytes] = [leaf_hash(entry) for entry in entries]
    while new or len(levels) < len(edge.levels):
        level = len(levels)
        row = lay(level, edge.levels[level] if level < len(edge.levels) else (), new)
        levels.append(_rest(row))
        new = [root_of(row[at : at + WIDTH]) for at in range(0, len(row) - WIDTH + 1, WIDTH)]
    grown = Edge(edge.size + len(entries), tuple(levels), _rest(bundles))
    return Growth(grown, blobs, tuple(filled))


def _blobs(level: int, first: int, row: tuple[bytes, ...]) -> dict[str, bytes]:
    """A level's items as tiles by path, from the tile of the given index on."""
    join = join_entries if level == ENTRIES else b"".join
    blobs = {}
    for at in range(0, len(row), WIDTH):
        content = row[at : at + WIDTH]
        blobs[Tile(level, first + at // WIDTH, len(content)).path] = join(content)
    return blobs


def _rest(row: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The items that fill no tile."""
    return row[len(row) // WIDTH * WIDTH :]


def _in_thousands(number: int) -> str:
    """A number as path elements of three digits, all but the last after an `x`."""
    elements = [f"{number % 1000:03}"]
    while number := number // 1000:
        elements.insert(0, f"x{number % 1000:03}")
    return "/".join(elements)
