import hashlib
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from hypothesis import given
from hypothesis import strategies as st

from chronicle.uploads.cids import DAG_PB, RAW, Cid
from chronicle.uploads.unixfs import PROFILES, Importer, Profile, compute_cid, wrap_leaf

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "cid-vectors.json").read_text())
MIB = 1 << 20
PERIOD = bytes((i * 31 + 7) % 251 for i in range(251))

small_profiles = st.builds(
    Profile,
    name=st.just("small"),
    cid_version=st.just(1),
    raw_leaves=st.booleans(),
    chunk_size=st.integers(1, 5),
    width=st.integers(2, 4),
)


def described(vector: dict[str, Any]) -> str:
    return f"{vector['profile']}-{vector['size']}"


def by_rule(size: int) -> bytes:
    return (PERIOD * (size // len(PERIOD) + 1))[:size]


def key_stream(seed: str, size: int) -> Iterator[bytes]:
    key = hashlib.sha256(seed.encode()).digest()
    encryptor = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()
    for start in range(0, size, MIB):
        yield encryptor.update(bytes(min(MIB, size - start)))


@pytest.mark.parametrize("vector", VECTORS["files"], ids=described)
def test_files_get_the_cid_that_kubo_and_the_javascript_importer_give(vector: dict) -> None:
    assert compute_cid([by_rule(vector["size"])], vector["profile"]) == vector["cid"]


@pytest.mark.parametrize("vector", VECTORS["kubo_published_vectors"], ids=described)
def test_files_get_the_cid_that_kubo_publishes(vector: dict) -> None:
    content = key_stream(vector["seed"], vector["size"])
    assert compute_cid(content, vector["profile"]) == vector["cid"]


@pytest.mark.parametrize(("name", "stated"), VECTORS["profiles"].items())
def test_profiles_are_those_of_the_vectors(name: str, stated: dict) -> None:
    ours = PROFILES[name]
    assert ours.cid_version == stated["cidVersion"]
    assert ours.raw_leaves == stated["rawLeaves"]
    assert ours.chunk_size == stated["chunk"]
    assert ours.width == stated["fileMaxLinks"]


@given(st.data(), small_profiles, st.binary(max_size=200))
def test_how_the_bytes_come_changes_nothing(
    data: st.DataObject, profile: Profile, content: bytes
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)))))
    whole, piecewise = Importer(profile), Importer(profile)
    whole.update(content)
    for start, stop in pairwise([0, *cuts, len(content)]):
        piecewise.update(content[start:stop])
    assert piecewise.finish() == whole.finish()


@given(small_profiles, st.binary(max_size=200))
def test_the_dag_leads_back_to_the_bytes(profile: Profile, content: bytes) -> None:
    importer = Importer(profile)
    importer.update(content)
    imported = importer.finish()

    chunks = [
        content[i : i + profile.chunk_size] for i in range(0, len(content), profile.chunk_size)
    ]
    leaves = [chunk if profile.raw_leaves else wrap_leaf(chunk) for chunk in chunks or [b""]]
    codec = RAW if profile.raw_leaves else DAG_PB
    blocks = {bytes(Cid(1, codec, hashlib.sha256(leaf).digest())): leaf for leaf in leaves}
    in_order = [hashlib.sha256(leaf).digest() for leaf in leaves]
    inner = {node.cid.digest for node in imported.inner_nodes}
    for node in imported.inner_nodes:
        assert node.cid.digest == hashlib.sha256(node.data).digest()
        blocks[bytes(node.cid)] = node.data

    below = list(blocks_below(bytes(imported.cid), blocks))
    assert [digest for digest, _ in below if digest not in inner] == in_order
    assert imported.dag_size == sum(size for _, size in below)
    assert imported.size == len(content)
    assert all(len(links_of(node.data)) <= profile.width for node in imported.inner_nodes)


def blocks_below(cid: bytes, blocks: dict[bytes, bytes]) -> Iterator[tuple[bytes, int]]:
    """The digest and size of each block of a DAG, in the file's order."""
    yield cid[-32:], len(blocks[cid])
    for link in links_of(blocks[cid]) if cid[1] == DAG_PB else []:
        yield from blocks_below(link, blocks)


def links_of(node: bytes) -> list[bytes]:
    """The CIDs in a dag-pb node's links; each stands first in its link."""
    links = []
    while node[:1] == b"\x12":
        length, at = varint(node, 1)
        size, start = varint(node, at + 1)
        links.append(node[start : start + size])
        node = node[at + length :]
    return links


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def test_a_file_of_one_chunk_is_its_block() -> None:
    importer = Importer(PROFILES["unixfs-v1-2025"])
    importer.update(bytes(MIB))
    imported = importer.finish()
    assert imported.inner_nodes == ()
    assert imported.cid == Cid(1, RAW, hashlib.sha256(bytes(MIB)).digest())
    assert imported.dag_size == MIB


def test_a_full_node_gets_no_empty_parent() -> None:
    profile = Profile("small", 1, True, 1, 3)
    importer = Importer(profile)
    importer.update(b"abc")
    assert len(importer.finish().inner_nodes) == 1
    importer = Importer(profile)
    importer.update(b"abcd")
    assert len(importer.finish().inner_nodes) == 3
