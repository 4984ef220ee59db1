"""The ledger's world in memory, with switches for how it fails.

Every effect goes through `Faults`. A step that is told to fail does so before it persisted, or
after: the second is what a lost reply looks like. A step that is told to crash ends the process
that made it, and whatever that process still tries finds it dead.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

from chronicle.errors import Unavailable
from chronicle.ledger.entries import compose
from chronicle.ledger.merkle import leaf_hash, root_of
from chronicle.ledger.notes import Signer
from chronicle.ledger.ports import PendingEntry, Placed, StoredCheckpoint, TreeHead
from chronicle.ledger.sequencer import Pace, Sequencer
from chronicle.ledger.stored_tree import read_entries
from chronicle.ledger.tiles import ENTRIES, WIDTH, tile_in

Answer = TypeVar("Answer")


class Fault(Enum):
    """What becomes of one step."""

    FAILS = "fails"
    FAILS_AFTER_IT_PERSISTED = "fails after it persisted"
    CRASHES = "crashes"
    CRASHES_AFTER_IT_PERSISTED = "crashes after it persisted"


class Crashed(BaseException):
    """The process is gone. Not an Exception: nothing may catch it and carry on."""


@dataclass
class Faults:
    """One process's link to its world. `at` maps the number of a step, from 0, to its fate."""

    at: dict[int, Fault] = field(default_factory=dict)
    named: dict[str, Fault] = field(default_factory=dict)
    turn: Callable[[], Awaitable[None]] | None = None
    steps: list[str] = field(default_factory=list)
    dead: bool = False

    async def through(self, name: str, effect: Callable[[], Answer]) -> Answer:
        if self.dead:
            raise Crashed
        fault = self.at.get(len(self.steps)) or self.named.get(name)
        self.steps.append(name)
        await (self.turn() if self.turn else asyncio.sleep(0))
        if self.dead:
            raise Crashed
        self._fail(fault, Fault.FAILS, Fault.CRASHES)
        answer = effect()
        self._fail(fault, Fault.FAILS_AFTER_IT_PERSISTED, Fault.CRASHES_AFTER_IT_PERSISTED)
        return answer

    def _fail(self, fault: Fault | None, fails: Fault, crashes: Fault) -> None:
        if fault is crashes:
            self.dead = True
            raise Crashed
        if fault is fails:
            raise Unavailable


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


class MemoryCheckpoints:
    """The checkpoint table. `history` holds every one that ever stood."""

    def __init__(
        self, faults: Faults | None = None, history: list[StoredCheckpoint] | None = None
    ) -> None:
        self.faults = faults or Faults()
        self.history: list[StoredCheckpoint] = [] if history is None else history

    def as_seen_by(self, faults: Faults) -> "MemoryCheckpoints":
        return MemoryCheckpoints(faults, self.history)

    async def load(self) -> StoredCheckpoint | None:
        return await self.faults.through("load", lambda: self.history[-1] if self.history else None)

    async def start(self, first: StoredCheckpoint) -> StoredCheckpoint:
        def begin() -> StoredCheckpoint:
            if not self.history:
                self.history.append(first)
            return self.history[-1]

        return await self.faults.through("start", begin)

    async def advance(self, expected: TreeHead, to: StoredCheckpoint) -> bool:
        def swap() -> bool:
            if not self.history or self.history[-1].head != expected:
                return False
            self.history.append(to)
            return True

        return await self.faults.through("advance", swap)


@dataclass
class Row:
    """A row that describes something and carries its entry."""

    row_id: bytes
    entry: bytes
    due: datetime
    index: int | None = None


class MemorySource:
    """A table of rows with entries."""

    def __init__(
        self, name: str, faults: Faults | None = None, rows: dict[bytes, Row] | None = None
    ) -> None:
        self.name = name
        self.faults = faults or Faults()
        self.rows: dict[bytes, Row] = {} if rows is None else rows

    def as_seen_by(self, faults: Faults) -> "MemorySource":
        return MemorySource(self.name, faults, self.rows)

    def add(self, row_id: bytes, entry: bytes, due: datetime) -> None:
        self.rows[row_id] = Row(row_id, entry, due)

    async def pending(self, *, due: datetime, limit: int) -> Sequence[PendingEntry]:
        def waiting() -> list[PendingEntry]:
            rows = [row for row in self.rows.values() if row.index is None and row.due <= due]
            oldest_first = sorted(rows, key=lambda row: row.due)
            return [PendingEntry(row.row_id, row.entry) for row in oldest_first[:limit]]

        return await self.faults.through(f"pending {self.name}", waiting)

    async def record_placed(self, placed: Sequence[Placed]) -> None:
        def record() -> None:
            for each in placed:
                row = self.rows.get(each.row_id)
                if row is not None and row.index is None:
                    row.index = each.index

        await self.faults.through(f"record {self.name}", record)


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
        self.checkpoints = MemoryCheckpoints()
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
            if row.index is not None:
                assert entries[row.index] == row.entry
        if everything_placed:
            assert all(row.index is not None for row in rows), "a row has no index"
            assert {row.entry for row in rows} == set(entries)
            assert self.tiles.blobs["checkpoint"] == self.checkpoints.history[-1].note
            staged = [path for path in self.tiles.blobs if path.startswith("staging/")]
            assert staged == [self.checkpoints.history[-1].staging]
