"""The accounts table."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chronicle.adapters.database.sqlite.engine import (
    Engine,
    from_micros,
    optional_micros,
    to_micros,
)
from chronicle.adapters.database.sqlite.entries import EntryColumns
from chronicle.errors import Conflict
from chronicle.users.ports import AccountId, AccountRecord, AddressChange, CredentialChange

_COLUMNS = (
    "id, sealed_email, email_index, email_verified, sealed_password_hash, sealed_name, "
    "sealed_locale, sealed_timezone, sealed_ledger_key, epoch, created_at, updated_at, "
    "sealed_former_emails"
)

_MARKS = ",".join("?" * len(_COLUMNS.split(", ")))

_CHANGE = "id, kind, created_at, entry"


class SqliteAccounts(EntryColumns):
    """`users.ports.Accounts` and `ledger.ports.EntrySource` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, table="credential_changes", order="created_at", waits=False)

    async def add(self, record: AccountRecord) -> None:
        """Store a new account."""
        row = _to_row(record)

        def insert(db: sqlite3.Connection) -> None:
            # An account stored twice collides in both; the id is what tells the two cases apart.
            if db.execute("SELECT 1 FROM accounts WHERE id = ?", (record.id,)).fetchone():
                raise Conflict("account_exists", "The account exists already.")
            db.execute(f"INSERT INTO accounts ({_COLUMNS}) VALUES ({_MARKS})", row)

        try:
            await self._engine.write(insert)
        except sqlite3.IntegrityError as error:
            raise Conflict("email_taken", "The address has an account already.") from error

    async def get(self, account_id: AccountId) -> AccountRecord | None:
        """The account, or None."""
        return _from_row(
            self._engine.one(f"SELECT {_COLUMNS} FROM accounts WHERE id = ?", (account_id,))
        )

    async def find_by_email(self, email_index: bytes) -> AccountRecord | None:
        """The account whose address has this blind index, or None."""
        return _from_row(
            self._engine.one(
                f"SELECT {_COLUMNS} FROM accounts WHERE email_index = ?", (email_index,)
            )
        )

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
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE accounts SET sealed_name = ?, sealed_locale = ?, sealed_timezone = ?, "
                    "updated_at = ? WHERE id = ? AND updated_at = ?",
                    (
                        name,
                        locale,
                        timezone,
                        to_micros(now),
                        account_id,
                        to_micros(seen_updated_at),
                    ),
                ).rowcount
            )
        )
        return changed == 1

    async def change_password(
        self,
        account_id: AccountId,
        *,
        seen_epoch: int,
        password_hash: bytes | None,
        change: CredentialChange,
        proves_address: bool = False,
    ) -> bool:
        """Replace the password's hash and raise the epoch, with the change's record, at once."""

        def write(db: sqlite3.Connection) -> bool:
            updated = db.execute(
                "UPDATE accounts SET sealed_password_hash = ?, epoch = epoch + 1, "
                "email_verified = max(email_verified, ?), updated_at = max(updated_at, ?) "
                "WHERE id = ? AND epoch = ?",
                (
                    password_hash,
                    int(proves_address),
                    to_micros(change.created_at),
                    account_id,
                    seen_epoch,
                ),
            ).rowcount
            if updated == 1:
                _keep_changes(db, account_id, (change,))
            return updated == 1

        return await self._engine.write(write)

    async def verify_email(self, account_id: AccountId, *, seen_epoch: int, now: datetime) -> bool:
        """Mark the address as verified if the epoch has not moved."""
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE accounts SET email_verified = 1, updated_at = max(updated_at, ?) "
                    "WHERE id = ? AND epoch = ?",
                    (to_micros(now), account_id, seen_epoch),
                ).rowcount
            )
        )
        return changed == 1

    async def change_email(
        self, account_id: AccountId, change: AddressChange, *, seen_epoch: int
    ) -> bool:
        """Replace the address and raise the epoch, with the changes' records, at once."""

        def write(db: sqlite3.Connection) -> bool:
            updated = db.execute(
                "UPDATE accounts SET sealed_email = ?, email_index = ?, email_verified = 1, "
                "sealed_former_emails = ?, former_emails_until = ?, epoch = epoch + 1, "
                "updated_at = max(updated_at, ?), "
                "sealed_password_hash = CASE WHEN ? THEN NULL ELSE sealed_password_hash END "
                "WHERE id = ? AND epoch = ?",
                (
                    change.email,
                    change.email_index,
                    change.former_emails,
                    optional_micros(change.former_until),
                    to_micros(change.now),
                    int(change.drops_password),
                    account_id,
                    seen_epoch,
                ),
            ).rowcount
            if updated == 1:
                _keep_changes(db, account_id, change.changes)
            return updated == 1

        try:
            return await self._engine.write(write)
        except sqlite3.IntegrityError as error:
            raise Conflict("email_taken", "The address has an account already.") from error

    async def release_email(
        self, account_id: AccountId, *, seen_epoch: int, email: bytes, email_index: bytes
    ) -> bool:
        """Take the address and the password from an account that has not verified it."""
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE accounts SET sealed_email = ?, email_index = ?, "
                    "sealed_password_hash = NULL, epoch = epoch + 1 "
                    "WHERE id = ? AND epoch = ? AND NOT email_verified",
                    (email, email_index, account_id, seen_epoch),
                ).rowcount
            )
        )
        return changed == 1

    async def forget_former_emails(self, *, before: datetime) -> int:
        """Drop former addresses that are of no use any more; of how many accounts."""
        return await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE accounts SET sealed_former_emails = NULL, former_emails_until = NULL "
                    "WHERE former_emails_until < ?",
                    (to_micros(before),),
                ).rowcount
            )
        )

    async def raise_epoch(self, account_id: AccountId, *, seen_epoch: int) -> bool:
        """Raise the epoch by one if it is still `seen_epoch`."""
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE accounts SET epoch = epoch + 1 WHERE id = ? AND epoch = ?",
                    (account_id, seen_epoch),
                ).rowcount
            )
        )
        return changed == 1

    async def save_password_hash(
        self, account_id: AccountId, *, seen_epoch: int, password_hash: bytes
    ) -> bool:
        """Store a stronger hash of the same password if the epoch has not moved."""
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE accounts SET sealed_password_hash = ? WHERE id = ? AND epoch = ?",
                    (password_hash, account_id, seen_epoch),
                ).rowcount
            )
        )
        return changed == 1


def _keep_changes(
    db: sqlite3.Connection, account_id: AccountId, changes: Sequence[CredentialChange]
) -> None:
    db.executemany(
        f"INSERT INTO credential_changes (account_id, {_CHANGE}) VALUES (?, ?, ?, ?, ?)",
        [
            (account_id, change.id, change.kind, to_micros(change.created_at), change.entry)
            for change in changes
        ],
    )


def _to_row(record: AccountRecord) -> tuple[Any, ...]:
    return (
        record.id,
        record.email,
        record.email_index,
        int(record.email_verified),
        record.password_hash,
        record.name,
        record.locale,
        record.timezone,
        record.ledger_key,
        record.epoch,
        to_micros(record.created_at),
        to_micros(record.updated_at),
        record.former_emails,
    )


def _from_row(row: tuple[Any, ...] | None) -> AccountRecord | None:
    if row is None:
        return None
    return AccountRecord(
        id=row[0],
        email=row[1],
        email_index=row[2],
        email_verified=bool(row[3]),
        password_hash=row[4],
        name=row[5],
        locale=row[6],
        timezone=row[7],
        ledger_key=row[8],
        epoch=row[9],
        created_at=from_micros(row[10]),
        updated_at=from_micros(row[11]),
        former_emails=row[12],
    )
