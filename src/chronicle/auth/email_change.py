"""Confirming an account's address, and changing it: a ticket, and a code from the mailbox."""

import logging
from dataclasses import dataclass
from functools import partial

import msgspec

from chronicle.auth import mails
from chronicle.auth.mailed_codes import (
    CODE_MINUTES,
    MailedCodes,
    TicketIssued,
    TicketPurpose,
    expired,
    wrong_code,
)
from chronicle.auth.ports import Mail, Mailer
from chronicle.auth.refused_codes import RefusedCodes
from chronicle.auth.sessions import SessionKeeping
from chronicle.auth.tokens import Identity
from chronicle.errors import Unavailable
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.known_devices import DeviceBook
from chronicle.security.mailed_tokens import TokenDesk, TokenPurpose
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import Account
from chronicle.users.addresses import KEPT, AddressBook
from chronicle.users.emails import EmailAddress, parse_email
from chronicle.users.ports import AccountId, AccountRecord

_log = logging.getLogger(__name__)


class _Waiting(msgspec.Struct, frozen=True):
    """An address that waits for its code; the ticket is good for one account in one epoch.

    `own` is the account's own address, to confirm; `taken` one that has an account, so that no
    code will be right.
    """

    account_id: bytes
    epoch: int
    entered: str
    canonical: str
    own: bool
    taken: bool


@dataclass(frozen=True, slots=True)
class EmailChange:
    """Starts and finishes both. Wrong codes count for the account that asks."""

    addresses: AddressBook
    codes: MailedCodes
    refused: RefusedCodes
    keeping: SessionKeeping
    devices: DeviceBook
    events: EventLog
    tokens: TokenDesk
    mailer: Mailer
    base_url: str

    async def start_own(self, account_id: AccountId) -> TicketIssued:
        """Mail a code that confirms the account's own address."""
        account = await self.addresses.book.read(account_id)
        issued, code = await self.issue_own(account_id, account.epoch, parse_email(account.email))
        await self.mailer.send(self.own_mail(account.email, code, issued.ticket, account.locale))
        return issued

    async def issue_own(
        self, account_id: AccountId, epoch: int, email: EmailAddress
    ) -> tuple[TicketIssued, str]:
        """A ticket that confirms an account's own address, and its code; nothing is mailed."""
        waiting = _Waiting(account_id, epoch, email.entered, email.canonical, own=True, taken=False)
        return await self.codes.issue(TicketPurpose.EMAIL, account_id, waiting)

    def own_mail(self, to: str, code: str, ticket: str, locale: str | None) -> Mail:
        """The mail with the code and the link that confirm an account's own address."""
        token = self.codes.link_token(ticket)
        return mails.email_code(
            to, code, token, minutes=CODE_MINUTES, base_url=self.base_url, locale=locale
        )

    async def start_change(self, account_id: AccountId, email: EmailAddress) -> TicketIssued:
        """Mail a code to the new address; or, when it has an account, a notice to its owner.

        The same is done and answered in both cases. An account that never verified the address
        does not count: it gives way to whoever does.

        Raises:
            TooMany: `too_many_requests`: the address was changed too often lately.
        """
        book = self.addresses.book
        account = await book.record(account_id)
        self.addresses.check_room(account)
        holder = await book.find(email)
        taken = holder is not None and holder.id != account_id and holder.email_verified
        waiting = _Waiting(
            account_id, account.epoch, email.entered, email.canonical, own=False, taken=taken
        )
        issued, code = await self.codes.issue(TicketPurpose.EMAIL, account_id, waiting)
        if taken and holder is not None:
            mail = self._taken_mail(book.in_the_clear(holder))
        else:
            locale = book.in_the_clear(account).locale
            mail = mails.new_email_code(
                email.entered,
                code,
                self.codes.link_token(issued.ticket),
                minutes=CODE_MINUTES,
                base_url=self.base_url,
                locale=locale,
            )
        await self.mailer.send(mail)
        return issued

    async def finish(self, identity: Identity, ticket: str, code: str, visitor: Visitor) -> Account:
        """Confirm or change the address; the account as it is then.

        A change ends every other session of the account; the caller's goes on.

        Raises:
            Rejected: `invalid_code`; one of five guesses is spent. With the tenth in a row, the
                session is over and the owner has been told.
            Gone: `ticket_expired`: too late, used, of another account, or the account moved on.
            Conflict: `email_taken`: somebody else proved the address meanwhile; nothing changed.
            TooMany: too many codes were guessed wrong for this account, or it changed too often.
        """
        waiting, account = await self._begin(identity, ticket)
        refused = partial(
            self.refused.while_signed_in,
            kind=EventKind.EMAIL_VERIFIED if waiting.own else EventKind.EMAIL_CHANGE,
            visitor=visitor,
            identity=identity,
            account=account,
        )
        await self.codes.check(TicketPurpose.EMAIL, ticket, code, _Waiting, refused=refused)
        return await self._go_on(identity, ticket, waiting, account, visitor)

    async def finish_with_link(
        self, identity: Identity, ticket: str, token: str, visitor: Visitor
    ) -> Account:
        """As `finish`, with the token of the mailed link, where the ticket is and who asked.

        Raises:
            Rejected: `invalid_mailed_token`: not the link of this ticket.
            Gone, Conflict, TooMany: as `finish`; but it takes no guess.
        """
        waiting, account = await self._begin(identity, ticket)
        await self.codes.check_link(TicketPurpose.EMAIL, ticket, token, _Waiting)
        return await self._go_on(identity, ticket, waiting, account, visitor)

    async def _begin(self, identity: Identity, ticket: str) -> tuple[_Waiting, AccountRecord]:
        """What waits, and for whom. Gone when it is not for who asks."""
        waiting = await self.codes.look(TicketPurpose.EMAIL, ticket, _Waiting)
        account = await self.addresses.book.record(identity.account_id)
        if (waiting.account_id, waiting.epoch) != (account.id, account.epoch):
            raise expired()
        return waiting, account

    async def _go_on(
        self,
        identity: Identity,
        ticket: str,
        waiting: _Waiting,
        account: AccountRecord,
        visitor: Visitor,
    ) -> Account:
        if waiting.taken:
            raise wrong_code()
        if waiting.own:
            await self._confirm(account, visitor)
            after = await self.addresses.book.record(account.id)
        else:
            email = EmailAddress(waiting.entered, waiting.canonical)
            after = await self._change(identity, account, email, visitor)
        await self.codes.drop(ticket)
        return self.addresses.book.in_the_clear(after)

    async def _confirm(self, account: AccountRecord, visitor: Visitor) -> None:
        if not await self.addresses.confirm(account):
            raise expired()
        if not account.email_verified:
            await self._note(account, EventKind.EMAIL_VERIFIED, visitor)

    async def _change(
        self, identity: Identity, account: AccountRecord, email: EmailAddress, visitor: Visitor
    ) -> AccountRecord:
        changed = await self.addresses.change(account, email, how="otp")
        if changed is None:
            raise expired()
        try:
            await self.keeping.sessions.carry_over(
                identity.session_id, seen_epoch=account.epoch, epoch=changed.epoch
            )
            await self.devices.keep(account.id, seen_epoch=account.epoch, epoch=changed.epoch)
        except Unavailable:
            # The address is changed: to say that it failed would be wrong. They sign in again.
            _log.exception("a session could not be carried over a change of the address")
        await self._note(account, EventKind.EMAIL_CHANGE, visitor)
        if account.email_verified:
            await self._tell_former_address(account, changed)
        return changed

    async def _tell_former_address(self, was: AccountRecord, changed: AccountRecord) -> None:
        former = self.addresses.book.in_the_clear(was)
        try:
            token = await self.tokens.issue(
                TokenPurpose.UNDO_EMAIL, was.id, epoch=changed.epoch, lifetime=KEPT
            )
            await self.mailer.send(
                mails.email_changed(
                    former.email, token, base_url=self.base_url, locale=former.locale
                )
            )
        except Unavailable:
            _log.exception("the mail about a changed address could not be sent")

    async def _note(self, account: AccountRecord, kind: EventKind, visitor: Visitor) -> None:
        happening = Happening(
            kind=kind,
            method="otp",
            outcome=Outcome.GRANTED,
            visitor=visitor,
            account_id=account.id,
        )
        try:
            await self.events.note(happening)
        except Unavailable:
            # It is done, and for a change its ledger entry with it. What is missing is the line
            # in the owner's history.
            _log.exception("a proof of an address could not be noted")

    def _taken_mail(self, owner: Account) -> Mail:
        return mails.address_is_wanted(owner.email, base_url=self.base_url, locale=owner.locale)
