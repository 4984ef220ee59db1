"""What the ledger needs of the world: somewhere for tiles, one checkpoint, and rows to log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A tree's size in entries and its RFC 6962 root hash (32 bytes)."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """The database's word on the log: the commit point of every batch.

    `note` is the signed checkpoint as published; `staging` is the path of the staged batch that
    this checkpoint committed, or None for the empty tree.
    """

    origin: str
    head: TreeHead
    note: bytes
    staging: str | None


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """One row's entry that has no index yet. `row_id` is 16 bytes, unique within its source."""

    row_id: bytes
    entry: bytes


@dataclass(frozen=True, slots=True)
class Placed:
    """The index (from 0) that a row's entry got."""

    row_id: bytes
    index: int


class TileStore(Protocol):
    """Named immutable blobs that survive a power cut. Paths are relative, with `/`."""

    async def write(self, path: str, content: bytes) -> None:
        """Store whole or not at all; durable (file and folder synced) when this returns.

        Repeatable: writing the same content again is no error, and replaces what is there.

        Raises:
            Unavailable: full or failing; the old content, if any, still stands.
        """

    async def read(self, path: str) -> bytes | None:
        """The blob, or None if there is none at that path."""

    async def remove(self, path: str) -> None:
        """Remove the blob; no error when there is none."""

    async def list(self, folder: str) -> list[str]:
        """The paths directly below a folder, sorted; empty when there is no such folder."""


class Checkpoints(Protocol):
    """The one checkpoint that the database holds."""

    async def load(self) -> StoredCheckpoint | None:
        """The newest checkpoint; None before the log's first start."""

    async def start(self, first: StoredCheckpoint) -> StoredCheckpoint:
        """Store the first checkpoint unless there is one; answer the one that stands."""

    async def advance(self, expected: TreeHead, to: StoredCheckpoint) -> bool:
        """Replace the checkpoint only if its head is still `expected`, in one atomic write.

        True if this call replaced it. False leaves everything as it was. Durable when True.
        """


class EntrySource(Protocol):
    """A table whose rows carry ledger entries: uploads, sessions, ..."""

    name: str

    async def pending(self, *, due: datetime, limit: int) -> Sequence[PendingEntry]:
        """Rows without an index whose entry is due by then, oldest first."""

    async def record_placed(self, placed: Sequence[Placed]) -> None:
        """Write the index into each row that has none yet. Repeatable; durable on return."""
