"""The accounts table."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chronicle.errors import Conflict
from chronicle.users.ports import AccountId, AccountRecord, AddressChange, CredentialChange
from tests.fakes.database.entries import EntryRows
from tests.fakes.database.rows import LoggedRow, MemoryDatabase
from tests.fakes.faults import Faults, step


class InMemoryAccounts(EntryRows):
    """`users.ports.Accounts` and `ledger.ports.EntrySource`."""

    label = "accounts"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        changes = database.credential_changes
        super().__init__("credential_changes", changes, faults, order="due", waits=False)
        self._accounts = database.accounts
        self._former_until = database.former_until

    @step
    def add(self, record: AccountRecord) -> None:
        if record.id in self._accounts:
            raise Conflict("account_exists")
        self._check_free(record.email_index, record.id)
        self._accounts[record.id] = record

    @step
    def get(self, account_id: AccountId) -> AccountRecord | None:
        return self._accounts.get(account_id)

    @step
    def find_by_email(self, email_index: bytes) -> AccountRecord | None:
        return self._holder(email_index)

    @step
    def save_profile(
        self,
        account_id: AccountId,
        *,
        name: bytes | None,
        locale: bytes | None,
        timezone: bytes | None,
        seen_updated_at: datetime,
        now: datetime,
    ) -> bool:
        was = self._accounts.get(account_id)
        if was is None or was.updated_at != seen_updated_at:
            return False
        return self._put(replace(was, name=name, locale=locale, timezone=timezone, updated_at=now))

    @step
    def change_password(
        self,
        account_id: AccountId,
        *,
        seen_epoch: int,
        password_hash: bytes | None,
        change: CredentialChange,
        proves_address: bool = False,
    ) -> bool:
        was = self._at(account_id, seen_epoch)
        if was is None:
            return False
        self._keep((change,))
        return self._put(
            replace(
                was,
                password_hash=password_hash,
                email_verified=was.email_verified or proves_address,
                epoch=was.epoch + 1,
                updated_at=max(was.updated_at, change.created_at),
            )
        )

    @step
    def verify_email(self, account_id: AccountId, *, seen_epoch: int, now: datetime) -> bool:
        was = self._at(account_id, seen_epoch)
        if was is None:
            return False
        return self._put(replace(was, email_verified=True, updated_at=max(was.updated_at, now)))

    @step
    def change_email(
        self, account_id: AccountId, change: AddressChange, *, seen_epoch: int
    ) -> bool:
        was = self._at(account_id, seen_epoch)
        if was is None:
            return False
        self._check_free(change.email_index, account_id)
        self._keep(change.changes)
        self._former_until.pop(account_id, None)
        if change.former_until is not None:
            self._former_until[account_id] = change.former_until
        return self._put(
            replace(
                was,
                email=change.email,
                email_index=change.email_index,
                email_verified=True,
                former_emails=change.former_emails,
                password_hash=None if change.drops_password else was.password_hash,
                epoch=was.epoch + 1,
                updated_at=max(was.updated_at, change.now),
            )
        )

    @step
    def release_email(
        self, account_id: AccountId, *, seen_epoch: int, email: bytes, email_index: bytes
    ) -> bool:
        was = self._at(account_id, seen_epoch)
        if was is None or was.email_verified:
            return False
        return self._put(
            replace(
                was, email=email, email_index=email_index, password_hash=None, epoch=was.epoch + 1
            )
        )

    @step
    def forget_former_emails(self, *, before: datetime) -> int:
        old = [account for account, until in self._former_until.items() if until < before]
        for account_id in old:
            del self._former_until[account_id]
            self._put(replace(self._accounts[account_id], former_emails=None))
        return len(old)

    @step
    def raise_epoch(self, account_id: AccountId, *, seen_epoch: int) -> bool:
        was = self._at(account_id, seen_epoch)
        return was is not None and self._put(replace(was, epoch=was.epoch + 1))

    @step
    def save_password_hash(
        self, account_id: AccountId, *, seen_epoch: int, password_hash: bytes
    ) -> bool:
        was = self._at(account_id, seen_epoch)
        return was is not None and self._put(replace(was, password_hash=password_hash))

    def _at(self, account_id: bytes, seen_epoch: int) -> AccountRecord | None:
        account = self._accounts.get(account_id)
        return account if account is not None and account.epoch == seen_epoch else None

    def _put(self, record: AccountRecord) -> bool:
        self._accounts[record.id] = record
        return True

    def _holder(self, email_index: bytes) -> AccountRecord | None:
        accounts = self._accounts.values()
        return next((one for one in accounts if one.email_index == email_index), None)

    def _check_free(self, email_index: bytes, account_id: bytes) -> None:
        holder = self._holder(email_index)
        if holder is not None and holder.id != account_id:
            raise Conflict("email_taken")

    def _keep(self, changes: Sequence[CredentialChange]) -> None:
        for each in changes:
            self.rows[each.id] = LoggedRow(each.id, each.entry, each.created_at)
