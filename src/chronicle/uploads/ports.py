"""What uploads need of the world: durable bytes by CID, and a table of upload events."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chronicle.uploads.unixfs import Imported, Importer
from chronicle.users.ports import AccountId


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """One upload event as stored. `name` and `note` are sealed; times are aware, in UTC."""

    id: bytes
    account_id: AccountId
    cid: str
    profile: str
    size: int
    media_type: str
    name: bytes
    note: bytes | None
    visibility: str
    pin_provider: str
    pin_status: str
    entry: bytes
    entry_index: int | None
    created_at: datetime
    key_index: bytes | None = None


class Uploads(Protocol):
    """The table of upload events. It is also a ledger `EntrySource` named "uploads"."""

    async def add(self, record: UploadRecord) -> None:
        """Store one event with its pending entry in the same write; durable on return.

        Raises:
            Conflict: `idempotency_key_taken`: another event has this `key_index`.
            Unavailable: nothing was stored.
        """

    async def get(self, account_id: AccountId, upload_id: bytes) -> UploadRecord | None:
        """The event, or None unless it exists and is this account's."""

    async def find_by_key(self, key_index: bytes) -> UploadRecord | None:
        """The event that was stored with this key, or None."""

    async def page(
        self, account_id: AccountId, *, before: bytes | None, limit: int
    ) -> Sequence[UploadRecord]:
        """An account's events, newest first (UUIDv7 ids sort by time), from below `before`."""

    async def has_cid(self, cid: str) -> bool:
        """Whether any event refers to this CID."""


class IncomingContent(Protocol):
    """One file on its way in. Nothing of it is visible until `keep`.

    A call that was cancelled may still take effect; `discard` waits for it first.
    """

    async def write(self, data: bytes) -> None:
        """Append bytes; waits where bytes come faster than they can be hashed and stored.

        A failure may show itself only at a later call.

        Raises:
            Unavailable: `storage_full` when the disk is full.
        """

    async def keep(self) -> Imported:
        """Make the bytes durable and readable under the CID that the importer comes to.

        When this returns, files and folders are synced, and a mark is stored from which a start
        after a crash sees that a row for this CID may be missing. Keeping a CID that is there
        already is no error, whoever else keeps or discards it at the same time.

        Raises:
            Unavailable: `storage_full` when the disk is full.
        """

    async def settle(self) -> None:
        """The row that refers to the content is committed: drop the mark. Never raises."""

    async def discard(self) -> None:
        """Forget what came. Never raises.

        What `keep` stored stays if a row or another file on its way refers to the same CID, or
        if that can't be told now; then a later start decides.
        """


class ContentStore(Protocol):
    """Where the bytes of uploads live, by CID."""

    async def receive(self, importer: Importer) -> IncomingContent:
        """Start taking in a file; `importer` is given its bytes, off the event loop.

        Raises:
            Unavailable: `storage_full` when the disk is full.
        """

    async def size(self, cid: str) -> int | None:
        """Bytes stored under the CID, or None."""

    def read(self, cid: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in pieces of at most 1 MiB.

        Raises:
            Unavailable: `content_missing`, at the first piece or when the file ends early.
        """


class Indexing(Protocol):
    """The one who gives pending entries their place in the ledger."""

    def wake(self) -> None:
        """Say that a row has a new entry."""

    async def wait_for(self, source_name: str, row_id: bytes, timeout_seconds: float) -> int | None:
        """The index of a row's entry once the published log covers it; None if it takes longer."""
