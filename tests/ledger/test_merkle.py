import asyncio
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronicle.ledger.merkle import (
    EMPTY_ROOT,
    leaf_hash,
    proves_consistency,
    proves_inclusion,
    root_of,
)
from chronicle.ledger.proofs import consistency_proof, inclusion_proof, root_at
from chronicle.ledger.tiles import Edge, Tile, cut, grow

LARGEST = 300


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(
        b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])
    ).digest()


def entry(index: int) -> bytes:
    return b"entry %d" % index


ENTRIES = [entry(index) for index in range(LARGEST)]


class Tree:
    """Tiles of a tree in memory, as a store with only the newest partial tiles would have them."""

    def __init__(self, size: int) -> None:
        growth = grow(Edge(), [entry(index) for index in range(size)])
        self.head, self.blobs = growth.edge.head, growth.blobs

    async def read(self, tile: Tile) -> bytes:
        return self.blobs[tile.path] if tile.path in self.blobs else self._cut(tile)

    def _cut(self, tile: Tile) -> bytes:
        return cut(tile, self.blobs[tile.full.path])

    def inclusion(self, index: int) -> list[bytes]:
        return asyncio.run(inclusion_proof(index, self.head.size, self.read))

    def consistency(self, old_size: int) -> list[bytes]:
        return asyncio.run(consistency_proof(old_size, self.head.size, self.read))


SIZES = st.integers(1, LARGEST) | st.sampled_from([1, 2, 255, 256, 257, 299, 300])


@pytest.fixture(scope="module")
def largest() -> Tree:
    return Tree(70_000)


def test_the_root_of_every_small_tree_is_that_of_rfc_6962():
    for size in range(LARGEST + 1):
        assert root_of([leaf_hash(each) for each in ENTRIES[:size]]) == naive_root(ENTRIES[:size])


def test_known_roots_of_rfc_6962_trees():
    # The inputs and roots of certificate-transparency's own reference tests.
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    inputs.append("606162636465666768696a6b6c6d6e6f")
    leaves = [leaf_hash(bytes.fromhex(each)) for each in inputs]
    assert leaves[0].hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert (
        root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )


@given(size=SIZES, data=st.data())
@settings(max_examples=150)
def test_every_entry_is_proven_and_only_at_its_place(size: int, data: st.DataObject):
    index = data.draw(st.integers(0, size - 1))
    tree = Tree(size)
    proof, root = tree.inclusion(index), naive_root(ENTRIES[:size])
    leaf = leaf_hash(entry(index))
    assert proves_inclusion(leaf, index, size, proof, root)
    other = data.draw(st.integers(0, size + 1).filter(lambda each: each != index))
    assert not proves_inclusion(leaf, other, size, proof, root)
    assert not proves_inclusion(leaf_hash(b"another"), index, size, proof, root)


@given(size=SIZES, data=st.data())
@settings(max_examples=100)
def test_a_changed_inclusion_proof_proves_nothing(size: int, data: st.DataObject):
    index = data.draw(st.integers(0, size - 1))
    tree = Tree(size)
    proof, leaf = tree.inclusion(index), leaf_hash(entry(index))
    for changed in tampered(proof, data):
        assert not proves_inclusion(leaf, index, size, changed, tree.head.root)


def test_every_small_tree_grows_out_of_every_smaller_one():
    for new_size in (1, 2, 3, 7, 8, 9, 255, 256, 257, 300):
        tree = Tree(new_size)
        for old_size in range(new_size + 1):
            assert proves_consistency(
                old_size,
                naive_root(ENTRIES[:old_size]),
                new_size,
                tree.head.root,
                tree.consistency(old_size),
            ), (old_size, new_size)


@given(new_size=SIZES, data=st.data())
@settings(max_examples=100)
def test_a_changed_consistency_proof_proves_nothing(new_size: int, data: st.DataObject):
    old_size = data.draw(st.integers(0, new_size))
    tree, old_root = Tree(new_size), naive_root(ENTRIES[:old_size])
    proof = tree.consistency(old_size)
    for changed in tampered(proof, data):
        assert not proves_consistency(old_size, old_root, new_size, tree.head.root, changed)
    other = hashlib.sha256(b"another tree").digest()
    assert not proves_consistency(old_size, other, new_size, tree.head.root, proof)
    if old_size > 0:
        assert not proves_consistency(old_size, old_root, new_size, other, proof)
    assert not proves_consistency(new_size + 1, old_root, new_size, tree.head.root, proof)


def tampered(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    stray = hashlib.sha256(b"stray").digest()
    changed = [[*proof, stray], [stray, *proof]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        changed += [proof[:at] + proof[at + 1 :], [*proof[:at], stray, *proof[at + 1 :]]]
    return changed


def test_proofs_in_a_tree_of_three_levels_hold(largest: Tree):
    for index in (0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999):
        proof = largest.inclusion(index)
        assert proves_inclusion(leaf_hash(entry(index)), index, 70_000, proof, largest.head.root), (
            index
        )
    for old_size in (1, 256, 65_536, 65_537, 69_999):
        old = Tree(old_size).head
        assert proves_consistency(
            old_size, old.root, 70_000, largest.head.root, largest.consistency(old_size)
        )


async def test_the_root_of_an_earlier_size_is_found_in_the_tiles(largest: Tree):
    for size in (0, 1, 300, 65_536):
        assert await root_at(size, largest.read) == Tree(size).head.root


async def test_an_entry_beyond_the_tree_has_no_proof():
    with pytest.raises(ValueError, match="no leaf 3"):
        await inclusion_proof(3, 3, Tree(3).read)
    with pytest.raises(ValueError, match="grown out of"):
        await consistency_proof(4, 3, Tree(3).read)


def test_an_empty_tree_proves_nothing():
    assert not proves_inclusion(leaf_hash(b""), 0, 0, [], EMPTY_ROOT)
    assert not proves_inclusion(leaf_hash(b""), -1, 0, [], EMPTY_ROOT)
