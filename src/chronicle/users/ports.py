"""What accounts need of the world: one table."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

import msgspec

AccountId = NewType("AccountId", bytes)
"""A UUIDv7 as its 16 bytes."""


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One account as stored: personal data and secrets are sealed before they come here.

    `email_index` is the blind index of the canonical address (32 bytes) and unique. `epoch` is
    the security epoch; it only ever grows. `ledger_key` seals the 32-byte key under which this
    account's ledger entries commit. `former_emails` seals the addresses that can still be brought
    back, each with its canonical form.
    """

    id: AccountId
    email: bytes
    email_index: bytes
    email_verified: bool
    password_hash: bytes | None
    name: bytes | None
    locale: bytes | None
    timezone: bytes | None
    ledger_key: bytes
    epoch: int
    created_at: datetime
    updated_at: datetime
    former_emails: bytes | None = None


@dataclass(frozen=True, slots=True)
class CredentialChange:
    """What is kept of a change of a way to sign in, with its ledger entry."""

    id: bytes
    kind: str
    created_at: datetime
    entry: bytes


@dataclass(frozen=True, slots=True)
class AddressChange:
    """Another address for an account, sealed; it has been proved. See `Accounts.change_email`.

    `former_emails` replaces what was kept of earlier ones, and is of use until `former_until`.
    `drops_password` removes the password in the same write. `changes` are what is kept of it all,
    each with its ledger entry.
    """

    email: bytes
    email_index: bytes
    former_emails: bytes | None
    former_until: datetime | None
    drops_password: bool
    changes: tuple[CredentialChange, ...]
    now: datetime


class ProfileRecord(msgspec.Struct, frozen=True):
    """What an account's owner sees of it, sealed as stored: its secrets stay where they are."""

    id: AccountId
    email: bytes
    email_verified: bool
    name: bytes | None
    locale: bytes | None
    timezone: bytes | None
    epoch: int
    created_at: datetime
    updated_at: datetime


class Accounts(Protocol):
    """The accounts table. Every method is one atomic write or one read.

    It is also a ledger `EntrySource` named "credential_changes".
    """

    async def add(self, record: AccountRecord) -> None:
        """Store a new account; durable on return.

        Raises:
            Conflict: `account_exists` if the id is taken, `email_taken` if the address is;
                nothing changed.
            Unavailable: nothing was stored.
        """

    async def get(self, account_id: AccountId) -> AccountRecord | None:
        """The account, or None."""

    async def find_by_email(self, email_index: bytes) -> AccountRecord | None:
        """The account whose address has this blind index, or None."""

    async def save_profile(
        self,
        account_id: AccountId,
        *,
        name: bytes | None,
        locale: bytes | None,
        timezone: bytes | None,
        seen_updated_at: datetime,
        now: datetime,
    ) -> bool:
        """Replace the profile's fields if `updated_at` is still what the caller saw."""

    async def change_password(
        self,
        account_id: AccountId,
        *,
        seen_epoch: int,
        password_hash: bytes | None,
        change: CredentialChange,
        proves_address: bool = False,
    ) -> bool:
        """Replace or remove the password's hash and raise the epoch, with the change's record.

        All at once, and only if the epoch is still `seen_epoch`; True if this call did it. What
        `proves_address` also marks the address as verified. Durable when True.
        """

    async def verify_email(self, account_id: AccountId, *, seen_epoch: int, now: datetime) -> bool:
        """Mark the address as verified if the epoch, and so the address, has not moved.

        True also when it was verified before; safe to repeat. Durable when True.
        """

    async def change_email(
        self, account_id: AccountId, change: AddressChange, *, seen_epoch: int
    ) -> bool:
        """Replace the address by a verified one and raise the epoch, with the changes' records.

        All at once, and only if the epoch is still `seen_epoch`; True if this call did it.
        Durable when True.

        Raises:
            Conflict: `email_taken`: another account has the address; nothing changed.
        """

    async def release_email(
        self, account_id: AccountId, *, seen_epoch: int, email: bytes, email_index: bytes
    ) -> bool:
        """Take the address from an account that has not verified it: it gets these instead.

        With the address go its password and, by the epoch, its sessions. All at once, and only
        while it is unverified and the epoch is `seen_epoch`; True if this call did it. Durable.
        """

    async def forget_former_emails(self, *, before: datetime) -> int:
        """Drop former addresses that were of use until a moment before this one; of how many."""

    async def raise_epoch(self, account_id: AccountId, *, seen_epoch: int) -> bool:
        """Raise the epoch by one if it is still `seen_epoch`: every session is void. Durable."""

    async def save_password_hash(
        self, account_id: AccountId, *, seen_epoch: int, password_hash: bytes
    ) -> bool:
        """Store a stronger hash of the same password if the epoch has not moved."""
