"""What watching over accounts needs of the world: a few tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Places(Protocol):
    """Where addresses are, as far as somebody has told."""

    def of(self, address: str) -> str | None:
        """Roughly where an address is, for people to read, as "Lyon, France"; None if unknown.

        In memory: it waits for nothing, raises nothing, and asks nobody.
        """


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

    async def granted(self, account_id: bytes, *, limit: int) -> Sequence[EventRecord]:
        """The newest of an account's events that were granted; refusals cost it nothing."""

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

    async def find(
        self, token_hash: bytes, *, purpose: str, now: datetime
    ) -> MailedTokenRecord | None:
        """The token of this purpose, if it is neither spent nor expired; nothing changes."""

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


@dataclass(frozen=True, slots=True)
class GuessCount:
    """Wrong guesses in a row, when the last one was, and until when no further one is checked."""

    failures: int
    last_at: datetime
    locked_until: datetime | None


class CountingRule(Protocol):
    """How a count goes on: pure."""

    def counted(self, seen: GuessCount | None, now: datetime) -> GuessCount | None:
        """The count with one more guess in it; None when none may be added now."""

    def given_back(self, seen: GuessCount | None) -> GuessCount | None:
        """The count with one guess less in it; None when nothing is left to keep."""


@dataclass(frozen=True, slots=True)
class RightGuess:
    """A guess that was right at a moment: with it, the count of its subject begins anew.

    Unless it is `counted` already, and was let in, the rule has to let it in then; if it does not,
    what depends on the guess must not come about.
    """

    purpose: str
    subject: bytes
    rule: CountingRule
    at: datetime
    counted: bool


class GuessCounts(Protocol):
    """The table of guesses, by purpose and subject.

    Each change is one atomic write, durable on return: of any number of racing calls, on any
    number of processes, each sees what the one before it left.
    """

    async def find(self, purpose: str, subject: bytes) -> GuessCount | None:
        """How the count stands; None when there is none."""

    async def count(
        self, purpose: str, subject: bytes, *, rule: CountingRule, now: datetime
    ) -> tuple[bool, GuessCount]:
        """Add a guess if the rule lets it: whether it did, and how the count stands then."""

    async def give_back(self, purpose: str, subject: bytes, *, rule: CountingRule) -> None:
        """Take one guess back out."""

    async def clear(self, purpose: str, subject: bytes) -> None:
        """Drop the count; no error when there is none."""

    async def forget(self, *, before: datetime) -> int:
        """Drop counts whose last guess was before a moment; how many."""


@dataclass(frozen=True, slots=True)
class KnownDeviceRecord:
    """A browser that signed in to an account, by the SHA-256 of its token. `visitor` is sealed.

    `epoch` is the account's security epoch as read before the sign-in was verified.
    """

    id: bytes
    account_id: bytes
    epoch: int
    token_hash: bytes
    visitor: bytes
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """That a known device was used again, and until when it is known now. `visitor` is sealed."""

    id: bytes
    visitor: bytes
    used_at: datetime
    expires_at: datetime


class KnownDevices(Protocol):
    """The table of known devices."""

    async def add(self, record: KnownDeviceRecord, *, keep: int) -> None:
        """Store a device, and drop the account's least used beyond `keep`; durable on return.

        This and `touch` are parts of what a granted sign-in stores (`auth.ports.Grants`).
        """

    async def find(self, token_hash: bytes, *, now: datetime) -> KnownDeviceRecord | None:
        """The device with this token, or None; None too once it has expired."""

    async def touch(self, use: DeviceUse) -> bool:
        """Note that it was used. False if it is gone; nothing is stored then."""

    async def of_account(self, account_id: bytes, *, now: datetime) -> Sequence[KnownDeviceRecord]:
        """An account's devices of any epoch that have not expired, newest first."""

    async def carry_over(
        self, account_id: bytes, *, seen_epoch: int, epoch: int, only: bytes | None = None
    ) -> None:
        """Give an account's devices of one epoch another, so that they outlive a change.

        All of them, or `only` the one with this id. Each is one atomic write and it is safe to
        repeat: what breaks off half way has carried some. Durable on return.
        """

    async def revoke(self, account_id: bytes, device_id: bytes) -> bool:
        """Forget one of an account's devices. True if this call did; durable on return."""

    async def forget(self, *, before: datetime) -> int:
        """Drop devices that expired before a moment; how many."""


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """A blocked network. `id` is its blind index; `content` seals it, and the reason."""

    id: bytes
    content: bytes
    created_at: datetime
    expires_at: datetime | None


class Blocks(Protocol):
    """The table of blocked networks."""

    async def put(self, record: BlockRecord) -> None:
        """Store a block in place of the one with its id, if there is one; durable on return."""

    async def remove(self, block_id: bytes) -> bool:
        """Drop a block. True if this call did; durable on return."""

    async def all(self) -> Sequence[BlockRecord]:
        """Every block, expired or not."""

    async def revision(self) -> int:
        """A number that is another one after each `put` and `remove`; cheap to ask for."""

    async def forget(self, *, before: datetime) -> int:
        """Drop blocks that expired before a moment; how many."""
