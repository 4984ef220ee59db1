"""The ledger's world in memory. Each step of a tile store is named with the path it is about."""

from collections.abc import Callable
from datetime import UTC, datetime

from chronicle.ledger.entries import compose
from chronicle.ledger.merkle import leaf_hash, root_of
from chronicle.ledger.notes import Signer
from chronicle.ledger.sequencer import Pace, Sequencer
from chronicle.ledger.stored_tree import read_entries
from chronicle.ledger.tiles import ENTRIES, WIDTH, tile_in
from tests.fakes.database.checkpoints import InMemoryCheckpoints
from tests.fakes.database.entries import MemorySource
from tests.fakes.faults import Faults


class MemoryTiles:
    """A TileStore. `as_seen_by` gives another process its own faults over the same blobs."""

    def __init__(self, faults: Faults | None = None, blobs: dict[str, bytes] | None = None) -> None:
        self.faults = faults or Faults()
        self.blobs: dict[str, bytes] = {} if blobs is None else blobs

    def as_seen_by(self, faults: Faults) -> "MemoryTiles":
        return MemoryTiles(faults, self.blobs)

    async def write(self, path: str, content: bytes) -> None:
        await self.faults.through(f"write {path}", lambda: self.blobs.update({path: content}))

    async def read(self, path: str) -> bytes | None:
        return await self.faults.through(f"read {path}", lambda: self.blobs.get(path))

    async def remove(self, path: str) -> None:
        await self.faults.through(f"remove {path}", lambda: self.blobs.pop(path, None))

    async def list(self, folder: str) -> list[str]:
        def below() -> list[str]:
            paths = (path for path in self.blobs if path.startswith(f"{folder}/"))
            return sorted(path for path in paths if "/" not in path[len(folder) + 1 :])

        return await self.faults.through(f"list {folder}", below)


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGNER = Signer("log.example/chronicle", b"s" * 32)


def make_entry(number: int) -> bytes:
    """A real entry, another one for each number."""
    return compose(
        "upload.received",
        {"size": number},
        ledger_key=b"k" * 32,
        nonce=number.to_bytes(16, "big"),
        at=NOW,
    ).entry


class World:
    """Everything that outlives a process: tiles, the checkpoint and two tables."""

    def __init__(self) -> None:
        self.tiles = MemoryTiles()
        self.checkpoints = InMemoryCheckpoints()
        self.sources = [MemorySource("uploads"), MemorySource("sessions")]
        self._added = 0

    def add(self, count: int, source: int = 0, due: datetime = NOW) -> list[bytes]:
        """New rows, and their ids."""
        rows = []
        for _ in range(count):
            row_id = self._added.to_bytes(16, "big")
            self.sources[source].add(row_id, make_entry(self._added), due)
            rows.append(row_id)
            self._added += 1
        return rows

    def process(
        self,
        faults: Faults | None = None,
        *,
        signer: Signer = SIGNER,
        pace: Pace | None = None,
        clock: Callable[[], datetime] = lambda: NOW,
    ) -> Sequencer:
        """A sequencer in a process of its own."""
        faults = faults or Faults()
        return Sequencer(
            store=self.tiles.as_seen_by(faults),
            checkpoints=self.checkpoints.as_seen_by(faults),
            sources=[source.as_seen_by(faults) for source in self.sources],
            signer=signer,
            clock=clock,
            pace=pace,
        )

    async def log(self) -> list[bytes]:
        """Every entry that the newest checkpoint covers, as the bundles hold them."""
        size = self.checkpoints.history[-1].head.size
        entries: list[bytes] = []
        for index in range((size + WIDTH - 1) // WIDTH):
            entries += await read_entries(self.tiles, tile_in(ENTRIES, index, size))
        return entries

    async def check(self, *, everything_placed: bool = True) -> None:
        """Nothing is lost, double, out of place or forked."""
        entries = await self.log()
        assert len(set(entries)) == len(entries), "an entry is in the log twice"
        leaves = [leaf_hash(entry) for entry in entries]
        sizes = [checkpoint.head.size for checkpoint in self.checkpoints.history]
        assert sizes == sorted(set(sizes))
        for checkpoint in self.checkpoints.history:
            assert checkpoint.head.root == root_of(leaves[: checkpoint.head.size]), "a fork"
        rows = [row for source in self.sources for row in source.rows.values()]
        for row in rows:
            if row.entry_index is not None:
                assert entries[row.entry_index] == row.entry
        if everything_placed:
            assert all(row.entry_index is not None for row in rows), "a row has no index"
            assert {row.entry for row in rows} == set(entries)
            assert self.tiles.blobs["checkpoint"] == self.checkpoints.history[-1].note
            staged = [path for path in self.tiles.blobs if path.startswith("staging/")]
            assert staged == [self.checkpoints.history[-1].staging]
