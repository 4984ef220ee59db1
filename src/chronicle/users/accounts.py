"""Accounts: made, found, read and edited. Personal data is sealed here, before any database."""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from chronicle.errors import Conflict, Denied, Unauthenticated, Unavailable
from chronicle.ledger.entries import compose
from chronicle.ledger.kinds import Kind
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import (
    AccountId,
    AccountRecord,
    Accounts,
    CredentialChange,
    ProfileRecord,
)
from chronicle.world import World

TABLE = "accounts"
_LEDGER_KEY_BYTES = 32
_NONCE_BYTES = 16


class Account(msgspec.Struct, frozen=True):
    """An account in the clear, without its secrets."""

    id: AccountId
    email: str
    email_verified: bool
    name: str | None
    locale: str | None
    timezone: str | None
    epoch: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account starts with; `password_hash` is in the PHC string format."""

    id: AccountId
    email: EmailAddress
    email_verified: bool
    name: str | None
    password_hash: str


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """New values for a profile. A field that is `unchanged` keeps its value."""

    name: str | None
    locale: str | None
    timezone: str | None
    unchanged: frozenset[str]


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom an address belongs to; without an account, `account_id` is None.

    `verified` says that its account proved it.
    """

    account_id: AccountId | None
    epoch: int
    mail_to: str
    locale: str | None
    verified: bool


def require_verified(record: AccountRecord) -> None:
    """Let an account hold something only once its address was proved.

    Whoever proves it afterwards gets the account, and shall not get what somebody else put there.

    Raises:
        Denied: `email_not_verified`.
    """
    if not record.email_verified:
        raise Denied(
            "email_not_verified",
            "Confirm your e-mail address first, with the code that is mailed to it.",
        )


@dataclass(frozen=True, slots=True)
class AccountBook:
    """Accounts by id and by address."""

    accounts: Accounts
    cipher: FieldCipher
    index: BlindIndex
    world: World

    async def open(self, new: NewAccount) -> AccountRecord:
        """Store a new account.

        Raises:
            Conflict: `account_exists` or `email_taken`; nothing changed.
        """
        now = self.world.now()
        record = AccountRecord(
            id=new.id,
            email=self._seal(new.id, "email", new.email.entered.encode()),
            email_index=self.email_index(new.email),
            email_verified=new.email_verified,
            password_hash=self._seal(new.id, "password_hash", new.password_hash.encode()),
            name=self._seal_text(new.id, "name", new.name),
            locale=None,
            timezone=None,
            ledger_key=self._seal(new.id, "ledger_key", self.world.random_bytes(_LEDGER_KEY_BYTES)),
            epoch=0,
            created_at=now,
            updated_at=now,
        )
        await self.accounts.add(record)
        return record

    def email_index(self, email: EmailAddress) -> bytes:
        """The blind index under which an address is found."""
        return self.index.of(email.canonical, column="accounts.email")

    async def find(self, email: EmailAddress) -> AccountRecord | None:
        """The account with this address, or None."""
        return await self.accounts.find_by_email(self.email_index(email))

    async def addressee(self, email: EmailAddress) -> Addressee:
        """To whom mail about an address goes: to the account's stored spelling, if there is one.

        Another spelling may be another mailbox.
        """
        record = await self.find(email)
        if record is None:
            return Addressee(None, 0, email.entered, None, verified=False)
        account = self.in_the_clear(record)
        return Addressee(
            account.id, account.epoch, account.email, account.locale, account.email_verified
        )

    async def read(self, account_id: AccountId) -> Account:
        """The account in the clear.

        Raises:
            Unauthenticated: it is gone; only a caller whose own account it was asks.
        """
        return self.in_the_clear(await self.record(account_id))

    async def record(self, account_id: AccountId) -> AccountRecord:
        """The stored account. Unauthenticated when it is gone."""
        record = await self.accounts.get(account_id)
        if record is None:
            raise Unauthenticated
        return record

    async def edit(self, account_id: AccountId, change: ProfileChange) -> Account:
        """Change profile fields.

        Raises:
            Conflict: `edited_meanwhile`, when another edit came in between; nothing changed.
        """
        seen = await self.record(account_id)
        was = self.in_the_clear(seen)
        now = max(self.world.now(), was.updated_at)
        fields = {
            field: getattr(was if field in change.unchanged else change, field)
            for field in ("name", "locale", "timezone")
        }
        sealed = {field: self._seal_text(was.id, field, text) for field, text in fields.items()}
        saved = await self.accounts.save_profile(
            was.id, **sealed, seen_updated_at=was.updated_at, now=now
        )
        if not saved:
            raise Conflict("edited_meanwhile", "The profile was changed meanwhile. Look again.")
        return await self.read(account_id)

    def in_the_clear(self, record: AccountRecord | ProfileRecord) -> Account:
        """Open what is sealed in a stored account, its secrets left out."""
        return Account(
            id=record.id,
            email=self._open(record.id, "email", record.email).decode(),
            email_verified=record.email_verified,
            name=self._open_text(record.id, "name", record.name),
            locale=self._open_text(record.id, "locale", record.locale),
            timezone=self._open_text(record.id, "timezone", record.timezone),
            epoch=record.epoch,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )

    def password_hash(self, record: AccountRecord) -> str | None:
        """The password's PHC string, or None for an account without a password."""
        return self._open_text(record.id, "password_hash", record.password_hash)

    async def rehash(self, record: AccountRecord, password_hash: str) -> None:
        """Store a stronger hash of the same password, unless the account moved on meanwhile."""
        await self.accounts.save_password_hash(
            record.id,
            seen_epoch=record.epoch,
            password_hash=self._seal(record.id, "password_hash", password_hash.encode()),
        )

    async def change_password(
        self,
        record: AccountRecord,
        password_hash: str | None,
        *,
        how: str,
        proves_address: bool = False,
    ) -> AccountRecord | None:
        """Replace the password, or with None remove it; every session and token is void.

        `how` says for the ledger what allowed it. What `proves_address`, because it came from the
        mailbox, verifies the address in the same write. None if the account moved on meanwhile,
        and then nothing changed.
        """
        kind = Kind.CREDENTIAL_REMOVED if password_hash is None else Kind.CREDENTIAL_CHANGED
        sealed = self._seal_text(record.id, "password_hash", password_hash)
        change = self.credential_change(record, kind, "password", how)
        write = self.accounts.change_password(
            record.id,
            seen_epoch=record.epoch,
            password_hash=sealed,
            change=change,
            proves_address=proves_address,
        )
        # Not as it is now: another change may have moved the epoch on, and counts for itself.
        changed = replace(
            record,
            password_hash=sealed,
            epoch=record.epoch + 1,
            email_verified=record.email_verified or proves_address,
            updated_at=max(record.updated_at, change.created_at),
        )
        return changed if await self.took_hold(write, changed) else None

    async def took_hold(self, write: Awaitable[bool], changed: AccountRecord) -> bool:
        """Whether a write of a credential took hold, also where only its answer was lost.

        Much is still owed after such a write: that its owner is told, and can undo it. `changed` is
        the account as it makes it.

        Raises:
            Unavailable: it did not, or that can't be told.
        """
        try:
            return await write
        except Unavailable:
            # What is sealed is sealed anew each time: nobody else's write comes out the same.
            if await self.accounts.get(changed.id) != changed:
                raise
            return True

    def credential_change(
        self, record: AccountRecord, kind: Kind, credential: str, how: str
    ) -> CredentialChange:
        """What is kept of a change of a way to sign in, with its entry for the ledger."""
        now = self.world.now()
        entry = compose(
            kind,
            {"owner": str(UUID(bytes=record.id)), "credential": credential, "method": how},
            ledger_key=self.ledger_key(record),
            nonce=self.world.random_bytes(_NONCE_BYTES),
            at=now,
        )
        return CredentialChange(
            id=self.world.new_id(), kind=credential, created_at=now, entry=entry.entry
        )

    async def void_sessions(self, account_id: AccountId) -> AccountRecord:
        """Raise the security epoch: every session, token, ticket and code of before is void.

        The account as it was before that; its epoch is one less than now.
        """
        while True:
            record = await self.record(account_id)
            if await self.end_epoch(record) is not None:
                return record

    async def end_epoch(self, record: AccountRecord) -> AccountRecord | None:
        """Raise the security epoch; the account as it is then. None if it moved on meanwhile."""
        raised = await self.accounts.raise_epoch(record.id, seen_epoch=record.epoch)
        return replace(record, epoch=record.epoch + 1) if raised else None

    def ledger_key(self, record: AccountRecord) -> bytes:
        """The 32-byte key under which the account's ledger entries commit."""
        return self._open(record.id, "ledger_key", record.ledger_key)

    def _seal(self, account_id: AccountId, field: str, value: bytes) -> bytes:
        return self.cipher.seal(value, table=TABLE, record=account_id, field=field)

    def _open(self, account_id: AccountId, field: str, sealed: bytes) -> bytes:
        return self.cipher.open(sealed, table=TABLE, record=account_id, field=field)

    def _seal_text(self, account_id: AccountId, field: str, text: str | None) -> bytes | None:
        return self.cipher.seal_text(text, table=TABLE, record=account_id, field=field)

    def _open_text(self, account_id: AccountId, field: str, sealed: bytes | None) -> str | None:
        return None if sealed is None else self._open(account_id, field, sealed).decode()
