"""What watching over accounts needs of the world: one table of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One security event as stored.

    `account_id` is None where no account was meant; `subject_index` is then the blind index of
    the address that was tried. `visitor` is sealed; `address_index` is the blind index of the
    visitor's address. A granted sign-in carries its ledger entry, due at `entry_due_at`.
    """

    id: bytes
    account_id: bytes | None
    subject_index: bytes | None
    kind: str
    method: str
    outcome: str
    reason: str | None
    session_id: bytes | None
    visitor: bytes
    address_index: bytes
    created_at: datetime
    entry: bytes | None
    entry_due_at: datetime | None
    entry_index: int | None


class Events(Protocol):
    """The events table. It is also a ledger `EntrySource` named "events"."""

    async def add(self, record: EventRecord) -> None:
        """Store one event, with its ledger entry in the same write; durable on return."""

    async def page(
        self, account_id: bytes, *, before: bytes | None, limit: int
    ) -> Sequence[EventRecord]:
        """An account's events, newest first (UUIDv7 ids sort by time), from below `before`."""

    async def forget(self, *, before: datetime) -> int:
        """Drop events from before a moment, unless their entry still waits for the ledger."""


@dataclass(frozen=True, slots=True)
class MailedTokenRecord:
    """A mailed token as stored, by its SHA-256. `epoch` is the account's when it was issued.

    `account_id` is None for one that an unknown address was issued, which leads nowhere.
    """

    hash: bytes
    purpose: str
    account_id: bytes | None
    epoch: int
    expires_at: datetime


class MailedTokens(Protocol):
    """The table of mailed tokens."""

    async def add(self, record: MailedTokenRecord) -> None:
        """Store a new token; durable on return."""

    async def spend(
        self, token_hash: bytes, *, purpose: str, now: datetime
    ) -> MailedTokenRecord | None:
        """Spend a token of this purpose: the record, for the one call that did it.

        None for everybody else: spent, expired, for something else, or never issued. Durable.
        """

    async def claim(self, record: MailedTokenRecord, *, now: datetime) -> bool:
        """Store a token as spent from the start; False if its hash is there already.

        For what lives elsewhere and must not be good twice: of racing calls, one is told True.
        """

    async def forget(self, *, before: datetime) -> int:
        """Drop tokens that expired before a moment; how many."""
