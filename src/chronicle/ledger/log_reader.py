"""Read the log as the world sees it: nothing beyond the published checkpoint."""

from chronicle.errors import NotFound, Unavailable
from chronicle.ledger.bundles import ProofBundle, encode_bundle
from chronicle.ledger.checkpoints import Checkpoint, parse_checkpoint
from chronicle.ledger.entries import OpenedEntry
from chronicle.ledger.merkle import leaf_hash, proves_inclusion
from chronicle.ledger.notes import parse_note
from chronicle.ledger.ports import TileStore
from chronicle.ledger.proofs import consistency_proof, inclusion_proof
from chronicle.ledger.stored_tree import CHECKPOINT_PATH, find_tile, read_entries, read_tile
from chronicle.ledger.tiles import ENTRIES, WIDTH, parse_tile_path, tile_in


class LogReader:
    """The published log: its checkpoint, tiles, entries and proofs."""

    def __init__(self, store: TileStore) -> None:
        self._store = store

    async def checkpoint_note(self) -> bytes:
        """The published checkpoint, a signed note.

        Raises:
            Unavailable: the log has not been started yet, or the store fails.
        """
        note = await self._store.read(CHECKPOINT_PATH)
        if note is None:
            raise Unavailable("log_not_started", "The log has not been started yet.")
        return note

    async def checkpoint(self) -> Checkpoint:
        """The published checkpoint as read."""
        return _read(await self.checkpoint_note())

    async def tile(self, path: str) -> bytes:
        """The content at a path such as `tile/0/x001/234.p/5` or `tile/entries/000`.

        Raises:
            NotFound: no tile's path in its one form, or beyond what is published.
        """
        tile = parse_tile_path(path)
        if tile is None or not tile.is_within((await self.checkpoint()).head.size):
            raise NotFound("tile_not_found", "The log has no such tile.")
        content = await find_tile(self._store, tile)
        if content is None:
            # Covered, but of a size that no checkpoint had: such a partial tile never stood.
            raise NotFound("tile_not_found", "The log has no such tile.")
        return content

    async def entry(self, index: int) -> bytes:
        """The entry at an index.

        Raises:
            NotFound: the published checkpoint does not cover it.
        """
        size = (await self.checkpoint()).head.size
        _refuse_uncovered(index, size)
        entries = await read_entries(self._store, tile_in(ENTRIES, index // WIDTH, size))
        return entries[index % WIDTH]

    async def inclusion(self, index: int) -> tuple[list[bytes], bytes]:
        """The hashes that prove an entry's place, and the checkpoint that they lead to.

        Raises:
            NotFound: the published checkpoint does not cover it.
        """
        note = await self.checkpoint_note()
        size = _read(note).head.size
        _refuse_uncovered(index, size)
        hashes = await inclusion_proof(index, size, lambda tile: read_tile(self._store, tile))
        return hashes, note

    async def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """The hashes that prove the published log of one size to begin with that of another.

        Raises:
            NotFound: the sizes are not in order, or beyond what is published.
        """
        published = (await self.checkpoint()).head.size
        if not 0 <= old_size <= new_size <= published:
            raise NotFound("tree_size_not_found", "The log has not had these sizes in this order.")
        return await consistency_proof(
            old_size, new_size, lambda tile: read_tile(self._store, tile)
        )

    async def bundle(self, index: int, opened: OpenedEntry) -> bytes:
        """The `.tlog-proof` text that proves an opened entry at its index.

        Raises:
            NotFound: the published checkpoint does not cover the index, or another entry is there.
        """
        hashes, note = await self.inclusion(index)
        head = _read(note).head
        if not proves_inclusion(leaf_hash(opened.entry), index, head.size, hashes, head.root):
            raise NotFound("entry_not_found", "The log has another entry at this place.")
        return encode_bundle(ProofBundle(index, tuple(hashes), note, opened))


def _read(note: bytes) -> Checkpoint:
    return parse_checkpoint(parse_note(note).text)


def _refuse_uncovered(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise NotFound("entry_not_found", "The published log has no entry at this place.")
