"""Files as UnixFS DAGs: the CID of a file, worked out while its bytes stream past.

A file is cut into chunks of one size; each chunk is a leaf block, and up to `width` blocks hang
below one dag-pb node, level by level, until one block is left (the "balanced" layout). Sizes
and encodings follow https://specs.ipfs.tech/unixfs/, and the profiles are named as in IPIP-0499,
so that other implementations come to the same CID.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from chronicle.uploads.cids import DAG_PB, RAW, Cid
from chronicle.uploads.varints import sized, varint

_KIB = 1024


@dataclass(frozen=True, slots=True)
class Profile:
    """How a file becomes a DAG. `chunk_size` is in bytes, `width` in links a node."""

    name: str
    cid_version: int
    raw_leaves: bool
    chunk_size: int
    width: int


DEFAULT_PROFILE = "unixfs-v1-2025"

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(DEFAULT_PROFILE, 1, True, 1024 * _KIB, 1024),
            Profile("unixfs-v0-2015", 0, False, 256 * _KIB, 174),
            Profile("cidv1-raw-256k-174", 1, True, 256 * _KIB, 174),
            Profile("cidv1-raw-1m-174", 1, True, 1024 * _KIB, 174),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a DAG with its CID."""

    cid: Cid
    data: bytes


@dataclass(frozen=True, slots=True)
class Imported:
    """A file's DAG. `size` is the file's, `dag_size` all its blocks' (the Tsize of a link to it).

    `inner_nodes` are the blocks above the leaves, children before parents, the root last; there
    are none when the root is a leaf. The leaves are the file's bytes themselves.
    """

    cid: Cid
    size: int
    dag_size: int
    inner_nodes: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _Link:
    """What a parent says of a child: its binary CID, its subtree in bytes, its part of the file."""

    cid: bytes
    dag_size: int
    file_size: int


class Importer:
    """Works out one file's DAG from its bytes in order. Keeps some 50 bytes for each leaf."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._leaf = _RawLeaf() if profile.raw_leaves else _DagPbLeaf()
        # Links without a parent yet, by level; level 0 holds those to leaves.
        self._levels: list[list[_Link]] = [[]]
        self._inner_nodes: list[Block] = []

    def update(self, data: bytes) -> None:
        """Take the next bytes of the file, as many as there are."""
        chunk_size = self._profile.chunk_size
        leaf = self._leaf
        if leaf.size + len(data) <= chunk_size:
            leaf.update(data)
        else:
            rest = memoryview(data)
            while rest:
                # A full leaf closes only when more comes: a file's last chunk may be a full one.
                if leaf.size == chunk_size:
                    self._close_leaf()
                room = chunk_size - leaf.size
                leaf.update(rest[:room])
                rest = rest[room:]

    def finish(self) -> Imported:
        """The DAG of everything taken so far; nothing may be added afterwards."""
        if self._leaf.size or not self._levels[0]:
            self._close_leaf()
        # The list grows while it is walked: folding a level may open the one above.
        for level, links in enumerate(self._levels):
            if len(links) > 1 or level + 1 < len(self._levels):
                self._fold(level)
        root = self._levels[-1][0]
        nodes = tuple(self._inner_nodes)
        return Imported(Cid.from_bytes(root.cid), root.file_size, root.dag_size, nodes)

    def _close_leaf(self) -> None:
        digest, block_size = self._leaf.close()
        codec = RAW if self._profile.raw_leaves else DAG_PB
        cid = Cid(self._profile.cid_version, codec, digest)
        self._add(0, _Link(bytes(cid), block_size, self._leaf.size))
        self._leaf.clear()

    def _add(self, level: int, link: _Link) -> None:
        if level == len(self._levels):
            self._levels.append([])
        elif len(self._levels[level]) == self._profile.width:
            self._fold(level)
        self._levels[level].append(link)

    def _fold(self, level: int) -> None:
        """Hang all links of a level below one new node of the level above."""
        links = self._levels[level]
        self._levels[level] = []
        data = _encode_node(links)
        cid = Cid(self._profile.cid_version, DAG_PB, hashlib.sha256(data).digest())
        self._inner_nodes.append(Block(cid, data))
        dag_size = len(data) + sum(link.dag_size for link in links)
        file_size = sum(link.file_size for link in links)
        self._add(level + 1, _Link(bytes(cid), dag_size, file_size))


def compute_cid(pieces: Iterable[bytes], profile: str = DEFAULT_PROFILE) -> str:
    """The CID of a file, given in pieces of any size, under a profile of this name."""
    importer = Importer(PROFILES[profile])
    for piece in pieces:
        importer.update(piece)
    return str(importer.finish().cid)


def wrap_leaf(chunk: bytes) -> bytes:
    """The dag-pb block of one chunk, as it is in profiles without raw leaves."""
    before, after = _around_leaf(len(chunk))
    return b"".join((before, chunk, after))


class _RawLeaf:
    """A leaf that is the chunk itself: hashed as it comes, never held."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()

    def update(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self.size += len(data)

    def close(self) -> tuple[bytes, int]:
        return self._hash.digest(), self.size


class _DagPbLeaf:
    """A leaf wrapped in dag-pb: its length stands before its bytes, so they are held till then."""

    def __init__(self) -> None:
        self._chunk = bytearray()

    @property
    def size(self) -> int:
        return len(self._chunk)

    def clear(self) -> None:
        self._chunk.clear()

    def update(self, data: bytes | memoryview) -> None:
        self._chunk += data

    def close(self) -> tuple[bytes, int]:
        before, after = _around_leaf(self.size)
        digest = hashlib.sha256(before)
        digest.update(self._chunk)
        digest.update(after)
        return digest.digest(), len(before) + self.size + len(after)


# Protobuf, written by hand: the fields of two messages, in the one order that dag-pb allows
# (https://ipld.io/specs/codecs/dag-pb/spec/). A tag is `field number << 3 | wire type`.
_NODE_DATA, _NODE_LINK = b"\x0a", b"\x12"
_LINK_CID, _LINK_EMPTY_NAME, _LINK_DAG_SIZE = b"\x0a", b"\x12\x00", b"\x18"
_UNIXFS_FILE = b"\x08\x02"
_UNIXFS_DATA, _UNIXFS_FILE_SIZE, _UNIXFS_BLOCK_SIZE = b"\x12", b"\x18", b"\x20"


def _encode_node(links: list[_Link]) -> bytes:
    parts = [_NODE_LINK + sized(_encode_link(link)) for link in links]
    total = sum(link.file_size for link in links)
    unixfs = [_UNIXFS_FILE, _UNIXFS_FILE_SIZE, varint(total)]
    for link in links:
        unixfs += (_UNIXFS_BLOCK_SIZE, varint(link.file_size))
    return b"".join((*parts, _NODE_DATA, sized(b"".join(unixfs))))


def _encode_link(link: _Link) -> bytes:
    size = _LINK_DAG_SIZE + varint(link.dag_size)
    return _LINK_CID + sized(link.cid) + _LINK_EMPTY_NAME + size


def _around_leaf(size: int) -> tuple[bytes, bytes]:
    """What stands before and after the `size` bytes of a chunk in its dag-pb block."""
    opening = _UNIXFS_FILE + (_UNIXFS_DATA + varint(size) if size else b"")
    closing = _UNIXFS_FILE_SIZE + varint(size)
    whole = len(opening) + size + len(closing)
    return _NODE_DATA + varint(whole) + opening, closing
