"""What uploads need of the world: durable bytes by CID, and a table of upload events."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

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


class Uploads(Protocol):
    """The table of upload events. It is also a ledger `EntrySource` named "uploads"."""

    async def add(self, record: UploadRecord) -> None:
        """Store one event with its pending entry in the same write; durable on return.

        Raises:
            Unavailable: nothing was stored.
        """

    async def get(self, account_id: AccountId, upload_id: bytes) -> UploadRecord | None:
        """The event, or None unless it exists and is this account's."""

    async def page(
        self, account_id: AccountId, *, before: bytes | None, limit: int
    ) -> Sequence[UploadRecord]:
        """An account's events, newest first (UUIDv7 ids sort by time), from below `before`."""

    async def has_cid(self, cid: str) -> bool:
        """Whether any event refers to this CID."""


class IncomingContent(Protocol):
    """Bytes on their way in. Nothing of it is visible until `keep`."""

    async def write(self, block: bytes) -> None:
        """Append bytes. Raises Unavailable (`storage_full`) when the disk is full."""

    async def keep(self, cid: str, dag: bytes) -> None:
        """Make the bytes durable and readable under `cid`; `dag` holds the inner nodes.

        When this returns, file and folder are synced. Repeatable for the same CID.
        """

    async def settle(self) -> None:
        """The row that refers to the content is committed: drop the mark that a crash needs."""

    async def discard(self) -> None:
        """Forget what was written. Never raises; no effect after `settle`."""


class ContentStore(Protocol):
    """Where the bytes of uploads live, by CID."""

    async def receive(self) -> IncomingContent:
        """Start taking in a file."""

    async def size(self, cid: str) -> int | None:
        """Bytes stored under the CID, or None."""

    def read(self, cid: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in pieces of at most 1 MiB."""
