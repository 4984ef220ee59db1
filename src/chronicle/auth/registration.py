"""Signing up by a mailed code. No account exists before the code is entered."""

from dataclasses import dataclass

import msgspec

from chronicle.auth import mails
from chronicle.auth.familiar_words import PasswordOwner
from chronicle.auth.mailed_codes import (
    CODE_MINUTES,
    MailedCodes,
    TicketIssued,
    TicketPurpose,
    expired,
    wrong_code,
)
from chronicle.auth.password_policy import PasswordPolicy
from chronicle.auth.passwords import PasswordHashing
from chronicle.auth.ports import Mail, Mailer
from chronicle.auth.sessions import SignedIn
from chronicle.auth.sign_in import SignIn
from chronicle.errors import Conflict
from chronicle.security.known_devices import NOTHING_PRESENTED, Presented
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook, NewAccount
from chronicle.users.addresses import AddressBook
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import AccountId
from chronicle.world import World


class _SignUp(msgspec.Struct, frozen=True):
    """A sign-up that waits for its code: the ticket's content, sealed."""

    account_id: bytes
    email_entered: str
    email_canonical: str
    name: str | None
    password_hash: str
    mail_to: str
    taken: bool
    mail_locale: str | None = None

    @property
    def email(self) -> EmailAddress:
        return EmailAddress(self.email_entered, self.email_canonical)


@dataclass(frozen=True, slots=True)
class Registration:
    """Sign-up: start, another code, finish."""

    book: AccountBook
    addresses: AddressBook
    sign_in: SignIn
    hashing: PasswordHashing
    policy: PasswordPolicy
    codes: MailedCodes
    mailer: Mailer
    base_url: str
    world: World

    async def start(self, email: EmailAddress, password: str, name: str | None) -> TicketIssued:
        """Mail a code to the address; or, when it has an account, a notice to its owner.

        The same is done and answered in both cases: one hash, one look-up, one ticket, one mail.
        An account that never verified the address does not count: it gives way to whoever does.

        Raises:
            Rejected: the password can't be set.
            Unavailable: `overloaded`, or the ticket or the mail could not be kept; no ticket is.
        """
        owner = PasswordOwner(email.entered, name)
        password_hash = await self.hashing.hash(await self.policy.accept(password, owner))
        known = await self.book.addressee(email)
        sign_up = _SignUp(
            account_id=self.world.new_id(),
            email_entered=email.entered,
            email_canonical=email.canonical,
            name=name,
            password_hash=password_hash,
            mail_to=known.mail_to if known.verified else email.entered,
            taken=known.verified,
            mail_locale=known.locale if known.verified else None,
        )
        subject = self.book.email_index(email)
        issued, code = await self.codes.issue(TicketPurpose.SIGN_UP, subject, sign_up)
        try:
            await self.mailer.send(self._mail(sign_up, code, issued.ticket))
        except BaseException:
            await self.codes.drop(issued.ticket)
            raise
        return issued

    async def resends_to(self, ticket: str) -> EmailAddress:
        """To which address `resend` would mail; whoever asks pays for a mail to it first.

        Raises:
            Gone, TooMany: as `resend` would.
        """
        return (await self.codes.renewable(TicketPurpose.SIGN_UP, ticket, _SignUp)).email

    async def resend(self, ticket: str) -> TicketIssued:
        """Mail another code, at most one a minute. The guesses left stay what they were.

        Raises:
            Gone: `ticket_expired`.
            TooMany: asked too soon; nothing changed.
        """
        issued, code, sign_up = await self.codes.renew(TicketPurpose.SIGN_UP, ticket, _SignUp)
        await self.mailer.send(self._mail(sign_up, code, ticket))
        return issued

    async def finish(
        self,
        ticket: str,
        typed_code: str,
        visitor: Visitor,
        *,
        device: Presented = NOTHING_PRESENTED,
    ) -> SignedIn:
        """Make the account and sign it in.

        The account's id was drawn at the start and is unique in the database, so of any number of
        racing calls one makes the account, and a ticket is never good twice.

        Raises:
            Rejected: `invalid_code`; one of five guesses is spent.
            Gone: `ticket_expired`: too late, out of guesses, or used before.
            Conflict: `email_taken`: another sign-up with this address was faster.
            Unavailable: there is no account, and the code stays good; or signing in works.
        """
        sign_up = await self.codes.check(TicketPurpose.SIGN_UP, ticket, typed_code, _SignUp)
        return await self._open(ticket, sign_up, visitor, device)

    async def finish_with_link(
        self, ticket: str, token: str, visitor: Visitor, *, device: Presented = NOTHING_PRESENTED
    ) -> SignedIn:
        """As `finish`, with the token of the mailed link, in the browser that has the ticket.

        Raises:
            Rejected: `invalid_mailed_token`: not the link of this ticket.
            Gone, Conflict: as `finish`.
        """
        sign_up = await self.codes.check_link(TicketPurpose.SIGN_UP, ticket, token, _SignUp)
        return await self._open(ticket, sign_up, visitor, device)

    async def _open(
        self, ticket: str, sign_up: _SignUp, visitor: Visitor, device: Presented
    ) -> SignedIn:
        if sign_up.taken:
            raise wrong_code()
        try:
            await self.addresses.give_way(sign_up.email, to=AccountId(sign_up.account_id))
            account = await self.book.open(self._new_account(sign_up))
        except Conflict as conflict:
            if conflict.code == "account_exists":
                raise expired() from conflict
            raise
        await self.codes.drop(ticket)
        return await self.sign_in.grant(
            account, ("pwd", "otp"), visitor, device=device, signs_up=True
        )

    def _new_account(self, sign_up: _SignUp) -> NewAccount:
        return NewAccount(
            id=AccountId(sign_up.account_id),
            email=sign_up.email,
            email_verified=True,
            name=sign_up.name,
            password_hash=sign_up.password_hash,
        )

    def _mail(self, sign_up: _SignUp, code: str, ticket: str) -> Mail:
        if sign_up.taken:
            return mails.address_is_taken(
                sign_up.mail_to, base_url=self.base_url, locale=sign_up.mail_locale
            )
        return mails.registration_code(
            sign_up.mail_to,
            code,
            self.codes.link_token(ticket),
            minutes=CODE_MINUTES,
            base_url=self.base_url,
            locale=None,
        )
