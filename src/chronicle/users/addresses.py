"""The address of an account: proved, changed, and brought back.

An account keeps the addresses that it had for a week after each change, sealed in its own row, so
that bringing one back is a single write. Only a verified address is kept: one that nobody proved
was never its owner's to get back. And it holds against nobody: an account that did not verify its
address gives way to whoever does.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from chronicle.errors import TooMany
from chronicle.ledger.kinds import Kind
from chronicle.users.accounts import TABLE, AccountBook
from chronicle.users.emails import EmailAddress, parse_email
from chronicle.users.ports import AccountId, AccountRecord, AddressChange, CredentialChange

KEPT = timedelta(days=7)
"""How long after a change the address before it can be brought back."""

MOST_KEPT = 10
"""No more changes than this in that time, so that no thief pushes out the owner's address."""

_FIELD = "former_emails"


class FormerAddress(msgspec.Struct, frozen=True):
    """An address that an account had, and the epoch with which it had another one.

    `back_in` is the epoch with which it was brought back, and then the address itself is not kept
    here any more; None while it can be. What was mailed between the two was mailed to a stranger.
    """

    entered: str
    canonical: str
    epoch: int
    until: datetime
    back_in: int | None = None


@dataclass(frozen=True, slots=True)
class AddressBook:
    """Changes of accounts' addresses. Each is one conditional write."""

    book: AccountBook

    async def confirm(self, record: AccountRecord) -> bool:
        """Mark the address as verified; nothing else changes. False if the account moved on."""
        return await self.book.accounts.verify_email(
            record.id, seen_epoch=record.epoch, now=self.book.world.now()
        )

    async def change(
        self, record: AccountRecord, email: EmailAddress, *, how: str
    ) -> AccountRecord | None:
        """Give an account an address that was proved; every session and token is void.

        An account that holds it without having verified it loses it first. `how` says for the
        ledger what allowed it. None if the account moved on meanwhile; nothing changed then.

        Raises:
            Conflict: `email_taken`; nothing changed.
            TooMany: `too_many_requests`: no more changes can be kept; nothing changed.
        """
        former = self._with_current(record)
        changes = (self._changed(record, how),)
        return await self._replace(record, email, former, changes, drops_password=False)

    async def bring_back(
        self, record: AccountRecord, former: FormerAddress, *, how: str
    ) -> AccountRecord | None:
        """Give an account back an address that it had. The password is void, and every session.

        Later addresses can't be brought back any more: who changed to them was a stranger. None
        if the account moved on meanwhile; nothing changed then.

        Raises:
            Conflict: `email_taken`: somebody else has proved it since; nothing changed.
        """
        kept = [each for each in self._kept(record) if each.back_in or each.epoch < former.epoch]
        until = self.book.world.now() + KEPT
        kept.append(FormerAddress("", "", former.epoch, until, back_in=record.epoch + 1))
        changes = [self._changed(record, how)]
        if record.password_hash is not None:
            changes.append(
                self.book.credential_change(record, Kind.CREDENTIAL_REMOVED, "password", how)
            )
        email = EmailAddress(former.entered, former.canonical)
        return await self._replace(record, email, kept, tuple(changes), drops_password=True)

    def former(self, record: AccountRecord) -> list[FormerAddress]:
        """The addresses that can still be brought back, the oldest first."""
        return [each for each in self._kept(record) if each.back_in is None]

    def mailed_to_its_owner(self, record: AccountRecord, epoch: int) -> bool:
        """Whether what was mailed in an epoch went to an address that may speak for the account.

        Not where that address was taken from the account since: because somebody else proved it,
        or because the one before it was brought back.
        """
        if record.email_index == self._released(record.id):
            return False
        return not any(
            each.epoch <= epoch < each.back_in
            for each in self._kept(record)
            if each.back_in is not None
        )

    def _kept(self, record: AccountRecord) -> list[FormerAddress]:
        if record.former_emails is None:
            return []
        plain = self.book.cipher.open(
            record.former_emails, table=TABLE, record=record.id, field=_FIELD
        )
        kept = msgspec.msgpack.decode(plain, type=list[FormerAddress])
        now = self.book.world.now()
        return [each for each in kept if each.until > now]

    def lost_with(self, record: AccountRecord, epoch: int) -> FormerAddress | None:
        """The address that an account lost with the change that brought this epoch, or None."""
        return next((each for each in self.former(record) if each.epoch == epoch), None)

    def held_in(self, record: AccountRecord, epoch: int) -> FormerAddress | None:
        """The address that an account had in an epoch; None where it still has it."""
        return next((each for each in self.former(record) if each.epoch > epoch), None)

    def still_has(self, record: AccountRecord, epoch: int) -> bool:
        """Whether an account has the address now that it had in an epoch of the last seven days.

        Where that one was never verified it is not kept, and cannot be told from the present one.
        """
        had = self.held_in(record, epoch)
        if had is None:
            return self.mailed_to_its_owner(record, epoch)
        email = EmailAddress(had.entered, had.canonical)
        return self.book.email_index(email) == record.email_index

    def check_room(self, record: AccountRecord) -> None:
        """Refuse (TooMany) where `change` would, before anything is mailed."""
        self._with_current(record)

    async def give_way(self, email: EmailAddress, *, to: AccountId) -> None:
        """Take an address from an account that never verified it, for one whose owner did."""
        holder = await self.book.find(email)
        if holder is None or holder.id == to or holder.email_verified:
            return
        await self.book.accounts.release_email(
            holder.id,
            seen_epoch=holder.epoch,
            email=self._seal(holder.id, "email", b""),
            email_index=self._released(holder.id),
        )

    def _released(self, account_id: AccountId) -> bytes:
        # An index that no address has.
        return self.book.index.of(account_id.hex(), column="accounts.released")

    async def forget_old(self) -> int:
        """Drop former addresses of which none can come back; of how many accounts."""
        return await self.book.accounts.forget_former_emails(before=self.book.world.now())

    async def _replace(
        self,
        record: AccountRecord,
        email: EmailAddress,
        former: list[FormerAddress],
        changes: tuple[CredentialChange, ...],
        *,
        drops_password: bool,
    ) -> AccountRecord | None:
        await self.give_way(email, to=record.id)
        kept = self._seal(record.id, _FIELD, msgspec.msgpack.encode(former)) if former else None
        change = AddressChange(
            email=self._seal(record.id, "email", email.entered.encode()),
            email_index=self.book.email_index(email),
            former_emails=kept,
            former_until=max((each.until for each in former), default=None),
            drops_password=drops_password,
            changes=changes,
            now=self.book.world.now(),
        )
        changed = replace(
            record,
            email=change.email,
            email_index=change.email_index,
            email_verified=True,
            former_emails=kept,
            password_hash=None if drops_password else record.password_hash,
            epoch=record.epoch + 1,
            updated_at=max(record.updated_at, change.now),
        )
        write = self.book.accounts.change_email(record.id, change, seen_epoch=record.epoch)
        return changed if await self.book.took_hold(write, changed) else None

    def _with_current(self, record: AccountRecord) -> list[FormerAddress]:
        former, kept = self.former(record), self._kept(record)
        if not record.email_verified:
            return kept
        now = self.book.world.now()
        if len(former) >= MOST_KEPT:
            wait = former[0].until - now
            raise TooMany(
                "too_many_requests",
                "The address was changed too often lately. Wait before changing it again.",
                retry_after_seconds=max(1, int(wait.total_seconds() + 1)),
            )
        current = parse_email(self.book.in_the_clear(record).email)
        kept.append(FormerAddress(current.entered, current.canonical, record.epoch + 1, now + KEPT))
        return kept

    def _changed(self, record: AccountRecord, how: str) -> CredentialChange:
        return self.book.credential_change(record, Kind.CREDENTIAL_CHANGED, "email", how)

    def _seal(self, account_id: AccountId, field: str, value: bytes) -> bytes:
        return self.book.cipher.seal(value, table=TABLE, record=account_id, field=field)
