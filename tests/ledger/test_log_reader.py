import pytest

from chronicle.errors import NotFound, Unavailable
from chronicle.ledger.bundles import parse_bundle
from chronicle.ledger.entries import compose, open_fields
from chronicle.ledger.log_reader import LogReader
from chronicle.ledger.merkle import leaf_hash, proves_consistency, proves_inclusion
from chronicle.ledger.tiles import join_entries
from chronicle.ledger.verify import Outcome, verify
from tests.fakes.ledger import NOW, SIGNER, MemoryTiles, World, make_entry


async def a_log(*batches: int) -> World:
    world = World()
    sequencer = world.process()
    await sequencer.start()
    for count in batches:
        world.add(count)
        await sequencer.append_batch()
    return world


async def test_a_log_that_was_not_started_is_unavailable():
    with pytest.raises(Unavailable):
        await LogReader(MemoryTiles()).checkpoint()


async def test_the_published_checkpoint_is_given_as_it_is():
    world = await a_log(3)
    reader = LogReader(world.tiles)
    assert await reader.checkpoint_note() == world.checkpoints.history[-1].note
    assert (await reader.checkpoint()).head == world.checkpoints.history[-1].head


async def test_tiles_of_every_published_size_are_served_also_after_they_were_collected():
    world = await a_log(100, 100, 100)
    reader = LogReader(world.tiles)
    entries = [make_entry(number) for number in range(300)]
    for size in (100, 200):
        assert await reader.tile(f"tile/entries/000.p/{size}") == join_entries(entries[:size])
        leaves = b"".join(map(leaf_hash, entries[:size]))
        assert await reader.tile(f"tile/0/000.p/{size}") == leaves
    assert await reader.tile("tile/0/000") == b"".join(map(leaf_hash, entries[:256]))
    assert await reader.tile("tile/0/001.p/44") == b"".join(map(leaf_hash, entries[256:]))
    assert len(await reader.tile("tile/1/000.p/1")) == 32


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001.p/45",
        "tile/0/001",
        "tile/0/002",
        "tile/1/000",
        "tile/2/000.p/1",
        "tile/63/000.p/1",
        "tile/entries/001.p/45",
        "tile/entries/001.p/7",
        "tile/0/x000/000",
        "checkpoint",
        "staging/300",
        "tile/0/../../checkpoint",
        "",
    ],
)
async def test_nothing_else_is_served(path: str):
    world = await a_log(300)
    with pytest.raises(NotFound):
        await LogReader(world.tiles).tile(path)


async def test_what_is_committed_and_not_published_yet_is_not_served():
    world = await a_log(3, 300)
    world.tiles.blobs["checkpoint"] = world.checkpoints.history[1].note
    reader = LogReader(world.tiles)
    for path in ("tile/0/000", "tile/entries/000", "tile/0/001.p/47"):
        with pytest.raises(NotFound):
            await reader.tile(path)
    with pytest.raises(NotFound):
        await reader.entry(3)
    with pytest.raises(NotFound):
        await reader.inclusion(3)
    assert await reader.entry(2) == make_entry(2)


async def test_every_entry_has_its_proof():
    world = await a_log(255, 1, 44)
    reader = LogReader(world.tiles)
    head = world.checkpoints.history[-1].head
    for index in (0, 17, 255, 256, 299):
        assert await reader.entry(index) == make_entry(index)
        hashes, note = await reader.inclusion(index)
        assert note == world.checkpoints.history[-1].note
        leaf = leaf_hash(make_entry(index))
        assert proves_inclusion(leaf, index, head.size, hashes, head.root)
    for index in (-1, 300):
        with pytest.raises(NotFound):
            await reader.inclusion(index)
        with pytest.raises(NotFound):
            await reader.entry(index)


async def test_every_published_size_is_proven_to_begin_a_later_one():
    world = await a_log(3, 252, 45)
    heads = [checkpoint.head for checkpoint in world.checkpoints.history]
    reader = LogReader(world.tiles)
    for at, old in enumerate(heads):
        for new in heads[at:]:
            proof = await reader.consistency(old.size, new.size)
            assert proves_consistency(old.size, old.root, new.size, new.root, proof)
    for sizes in ((2, 1), (0, 301), (-1, 3)):
        with pytest.raises(NotFound):
            await reader.consistency(*sizes)


async def test_a_bundle_proves_its_entry():
    world = await a_log(20)
    key, nonce = b"k" * 32, (7).to_bytes(16, "big")
    entry = compose("upload.received", {"size": 7}, ledger_key=key, nonce=nonce, at=NOW).entry
    opened = open_fields(entry, "upload.received", {"size": 7}, ledger_key=key)
    reader = LogReader(world.tiles)
    verdict = verify(parse_bundle(await reader.bundle(7, opened)), trusted=[SIGNER.verifier])
    assert verdict.outcome is Outcome.PROVEN
    assert verdict.opened == {"kind": "upload.received", "size": 7}
    with pytest.raises(NotFound):
        await reader.bundle(8, opened)
