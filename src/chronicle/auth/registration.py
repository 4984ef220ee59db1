"""Signing up by a mailed code. No account exists before the code is entered."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from chronicle.auth import mails
from chronicle.auth.codes import new_code, read_code, show_code
from chronicle.auth.passwords import PasswordHashing, accept_password
from chronicle.auth.ports import Mail, Mailer, Ticket, Tickets
from chronicle.auth.sessions import SignedIn
from chronicle.auth.sign_in import SignIn
from chronicle.errors import Conflict, Gone, Rejected, TooMany
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook, NewAccount
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import AccountId
from chronicle.world import World

CODE_LIFETIME = timedelta(minutes=10)
RESEND_AFTER = timedelta(seconds=60)
GUESSES = 5

_TICKET_BYTES = 24


@dataclass(frozen=True, slots=True)
class TicketIssued:
    """What a sign-up gets back, whether or not the address is taken."""

    ticket: str
    expires_in: timedelta
    resend_after: timedelta


class _SignUp(msgspec.Struct, frozen=True):
    """A sign-up that waits for its code: the ticket's content, sealed."""

    account_id: bytes
    email_entered: str
    email_canonical: str
    name: str | None
    password_hash: str
    mail_to: str
    taken: bool

    @property
    def email(self) -> EmailAddress:
        return EmailAddress(self.email_entered, self.email_canonical)


@dataclass(frozen=True, slots=True)
class Registration:
    """Sign-up: start, another code, finish."""

    book: AccountBook
    sign_in: SignIn
    hashing: PasswordHashing
    tickets: Tickets
    mailer: Mailer
    cipher: FieldCipher
    index: BlindIndex
    base_url: str
    world: World

    async def start(self, email: EmailAddress, password: str, name: str | None) -> TicketIssued:
        """Mail a code to the address; or, when it has an account, a notice to its owner.

        The same is done and answered in both cases: one hash, one look-up, one ticket, one mail.

        Raises:
            Rejected: the password can't be set.
            Unavailable: `overloaded`, or the ticket or the mail could not be kept; no ticket is.
        """
        password_hash = await self.hashing.hash(accept_password(password))
        owner = await self.book.find(email)
        sign_up = _SignUp(
            account_id=self.world.new_id(),
            email_entered=email.entered,
            email_canonical=email.canonical,
            name=name,
            password_hash=password_hash,
            # A mail to an account goes to the stored spelling: another may be another mailbox.
            mail_to=self.book.in_the_clear(owner).email if owner else email.entered,
            taken=owner is not None,
        )
        ticket = base64.urlsafe_b64encode(self.world.random_bytes(_TICKET_BYTES)).decode()
        code = new_code(self.world.random_bytes)
        await self.tickets.put(self._ticket(ticket, code, sign_up))
        try:
            await self.mailer.send(self._mail(sign_up, code))
        except BaseException:
            await self.tickets.drop(_key(ticket))
            raise
        return TicketIssued(ticket, CODE_LIFETIME, RESEND_AFTER)

    async def resend(self, ticket: str) -> TicketIssued:
        """Mail another code, at most one a minute. The guesses left stay what they were.

        Raises:
            Gone: `ticket_expired`.
            TooMany: asked too soon; nothing changed.
        """
        code = new_code(self.world.random_bytes)
        now = self.world.now()
        answer = await self.tickets.renew(
            _key(ticket),
            self._code_mac(ticket, code),
            now=now,
            expires_at=now + CODE_LIFETIME,
            resend_at=now + RESEND_AFTER,
        )
        if answer is None:
            raise _expired()
        if isinstance(answer, datetime):
            raise TooMany(
                message="A code was just sent. Wait a minute before asking for another.",
                retry_after_seconds=max(1, int((answer - now).total_seconds() + 1)),
            )
        await self.mailer.send(self._mail(self._open(ticket, answer), code))
        return TicketIssued(ticket, CODE_LIFETIME, RESEND_AFTER)

    async def finish(self, ticket: str, typed_code: str, visitor: Visitor) -> SignedIn:
        """Make the account and sign it in.

        The account's id was drawn at the start and is unique in the database, so of any number of
        racing calls one makes the account, and a ticket is never good twice.

        Raises:
            Rejected: `invalid_code`; one of five guesses is spent.
            Gone: `ticket_expired`: too late, out of guesses, or used before.
            Conflict: `email_taken`: another sign-up with this address was faster.
        """
        code = read_code(typed_code)
        mac = self._code_mac(ticket, code) if code else b""
        answer = await self.tickets.guess(_key(ticket), mac, now=self.world.now())
        if answer is None:
            raise _expired()
        right, content = answer
        sign_up = self._open(ticket, content)
        if not right or sign_up.taken:
            raise Rejected("invalid_code", "That is not the code from the newest mail.")
        try:
            account = await self.book.open(self._new_account(sign_up))
        except Conflict as conflict:
            if conflict.code == "account_exists":
                raise _expired() from conflict
            raise
        await self.tickets.drop(_key(ticket))
        return await self.sign_in.grant(account, ("pwd", "otp"), visitor)

    def _new_account(self, sign_up: _SignUp) -> NewAccount:
        return NewAccount(
            id=AccountId(sign_up.account_id),
            email=sign_up.email,
            email_verified=True,
            name=sign_up.name,
            password_hash=sign_up.password_hash,
        )

    def _ticket(self, ticket: str, code: str, sign_up: _SignUp) -> Ticket:
        key = _key(ticket)
        now = self.world.now()
        return Ticket(
            key=key,
            content=self.cipher.seal(
                msgspec.msgpack.encode(sign_up), table="tickets", record=key, field="content"
            ),
            code_mac=self._code_mac(ticket, code),
            guesses=GUESSES,
            expires_at=now + CODE_LIFETIME,
            resend_at=now + RESEND_AFTER,
        )

    def _open(self, ticket: str, content: bytes) -> _SignUp:
        key = _key(ticket)
        plain = self.cipher.open(content, table="tickets", record=key, field="content")
        return msgspec.msgpack.decode(plain, type=_SignUp)

    def _code_mac(self, ticket: str, code: str) -> bytes:
        # Keyed, because 40 bits would fall to a search by whoever reads the shared state.
        return self.index.of(f"{ticket}/{code}", column="tickets.code")

    def _mail(self, sign_up: _SignUp, code: str) -> Mail:
        if sign_up.taken:
            return mails.address_is_taken(
                sign_up.mail_to, base_url=self.base_url, locale=None
            )
        return mails.registration_code(
            sign_up.mail_to,
            show_code(code),
            minutes=int(CODE_LIFETIME.total_seconds() // 60),
            base_url=self.base_url,
            locale=None,
        )


def _key(ticket: str) -> bytes:
    """Tickets are stored under their hash, so that reading the store gives nobody a ticket."""
    return hashlib.sha256(ticket.encode("utf-8", "replace")).digest()


def _expired() -> Gone:
    return Gone("ticket_expired", "This sign-up is over. Start again.")
