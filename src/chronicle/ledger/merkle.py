"""The Merkle tree of RFC 6962 and RFC 9162: hashes, what a proof consists of, how it is checked.

Nothing here reads or stores: a proof is first a list of ranges of leaves, whose roots
`chronicle.ledger.proofs` computes from tiles.
"""

import hashlib
from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_SIZE = 2**63 - 1

Range = tuple[int, int]
"""Leaves from the first number up to, not including, the second."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over a row of subtrees of equal height; the last one may be incomplete.

    Pairing up and carrying an odd last one gives RFC 6962's split at the largest power of two.
    """
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    while len(row) > 1:
        paired = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = paired + row[len(paired) * 2 :]
    return row[0]


def perfect_subtrees(leaves: Range) -> list[tuple[int, int]]:
    """The (height, position) of the complete subtrees that make up a range of a proof.

    Position counts subtrees of that height from the left of the tree.
    """
    start, stop = leaves
    nodes = []
    while start < stop:
        height = (stop - start).bit_length() - 1
        nodes.append((height, start >> height))
        start += 1 << height
    return nodes


def fold(subtrees: Sequence[bytes]) -> bytes:
    """The root of a range from its complete subtrees, largest (leftmost) first."""
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = node_hash(left, root)
    return root


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges whose roots prove a leaf, from the leaf's sibling up (RFC 6962 2.1.1).

    Raises:
        ValueError: there is no such leaf in a tree of this size.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    start, stop, ranges = 0, size, []
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, new_size: int) -> list[Range]:
    """The ranges whose roots prove that a tree grew out of an older one (RFC 6962 2.1.2).

    Raises:
        ValueError: the older tree is the larger.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} can't have grown out of one of {old_size}")
    if old_size in (0, new_size):
        return []
    start, stop, ranges = 0, new_size, []
    while old_size != stop:
        middle = start + _split(stop - start)
        if old_size <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        # Not needed where the old tree is itself a subtree on the left edge: its root is known.
        ranges.append((start, stop))
    return ranges[::-1]


def _split(count: int) -> int:
    """The largest power of two below a count of at least two."""
    return 1 << ((count - 1).bit_length() - 1)


def proves_inclusion(
    leaf: bytes, index: int, size: int, proof: Iterable[bytes], root: bytes
) -> bool:
    """Whether the proof leads from the leaf to the root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            current = node_hash(sibling, current)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and current == root


def proves_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows the new tree to begin with the old one (RFC 9162 2.1.4.2)."""
    if not 0 <= old_size <= new_size:
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    if old_size == new_size:
        return not proof and old_root == new_root
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_side = new_side = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_side, new_side = node_hash(sibling, old_side), node_hash(sibling, new_side)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new_side = node_hash(new_side, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old_side == old_root and new_side == new_root
