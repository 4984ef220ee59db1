"""Half-finished steps that wait for a mailed code: sign-up, sign-in by code, a forgotten password.

A ticket goes to the client and a code to the mailbox; only both together go on. Tickets lie
sealed in shared state for ten minutes, under their hash, with the code as a keyed MAC: who reads
the shared state gets neither. A ticket has five guesses, and all tickets for one identifier
together have those of `guesses`, which no new code brings back. What a ticket leads to is still
one conditional write in the database, so a ticket that shared state brings back from a copy is
good for nothing.
"""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from chronicle.auth.codes import new_code, read_code, show_code
from chronicle.auth.ports import Ticket, Tickets
from chronicle.errors import Failure, Gone, Rejected, TooMany, Unavailable
from chronicle.security.encryption import FieldCipher, SealBroken, derive
from chronicle.security.guesses import Guess, Guesses
from chronicle.security.keys import KEY_ID_BYTES, Keyring, Purpose
from chronicle.security.ports import MailedTokenRecord, MailedTokens
from chronicle.users.ports import AccountRecord
from chronicle.world import World

CODE_LIFETIME = timedelta(minutes=10)
CODE_MINUTES = CODE_LIFETIME // timedelta(minutes=1)
RESEND_AFTER = timedelta(seconds=60)
GUESSES = 5

# With the key's id these make 44 characters without padding.
_TICKET_BYTES = 25
_LINK_BYTES = 16

# What is proven beside codes, which are upper case.
_LINK, _NO_CODE = "link", "none"

ContentT = TypeVar("ContentT", bound=msgspec.Struct)
AnyT_co = TypeVar("AnyT_co", covariant=True)


class TicketPurpose(StrEnum):
    """What a ticket is for. One that was issued for something else is unknown."""

    SIGN_UP = "sign_up"
    SIGN_IN = "sign_in"
    RESET = "reset"
    EMAIL = "email"
    REAUTHENTICATE = "reauthenticate"


class _Held(msgspec.Struct, frozen=True):
    """What is sealed in a ticket."""

    subject: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class TicketIssued:
    """What the client gets, whether or not there is an account."""

    ticket: str
    expires_in: timedelta
    resend_after: timedelta


@dataclass(frozen=True, slots=True)
class Refused(Generic[AnyT_co]):
    """A code that was refused: of which ticket, whose guess it was, and why."""

    content: AnyT_co
    subject: bytes
    failure: Failure
    guess: Guess


OnRefusal = Callable[[Refused[ContentT]], Awaitable[None]]


class TicketKeys:
    """Proves codes and links by HMAC-SHA-256 under the token keys, one of which a ticket names.

    So whoever can work them out can sign access tokens anyway, and a key that leaked is taken out
    of use for both alike.
    """

    def __init__(self, keys: Keyring) -> None:
        keys.follow(self._use)

    def _use(self, keys: Keyring) -> None:
        self._secrets = {
            key.id: derive(key.secret, "chronicle/ticket/v1") for key in keys.of(Purpose.TOKEN)
        }
        self._active = keys.active(Purpose.TOKEN).id

    def new_ticket(self, drawn: bytes) -> str:
        """A ticket of these random bytes: base64url text."""
        return base64.urlsafe_b64encode(self._active + drawn).decode()

    def mac(self, ticket: str, proven: str) -> bytes:
        """The 32-byte MAC of something that belongs to a ticket.

        Keyed, because the 40 bits of a code would fall to a search by whoever reads the shared
        state. No two pairs share one: neither part holds a "/".

        Raises:
            Gone: `ticket_expired`: made up, or its key was removed.
        """
        try:
            secret = self._secrets[base64.urlsafe_b64decode(ticket)[:KEY_ID_BYTES]]
        except (ValueError, KeyError) as error:
            raise expired() from error
        return hmac.digest(secret, f"{ticket}/{proven}".encode(), hashlib.sha256)


@dataclass(frozen=True, slots=True)
class MailedCodes:
    """Issues tickets with codes, and checks them."""

    tickets: Tickets
    cipher: FieldCipher
    keys: TicketKeys
    guesses: Guesses
    world: World

    async def issue(
        self, purpose: TicketPurpose, subject: bytes, content: msgspec.Struct
    ) -> tuple[TicketIssued, str]:
        """A new ticket that holds `content`, and the code to mail, as people read it.

        `subject` is the blind index of the identifier whose guesses it takes.
        """
        ticket = self.keys.new_ticket(self.world.random_bytes(_TICKET_BYTES))
        code = new_code(self.world.random_bytes)
        key, now = _key(ticket), self.world.now()
        await self.tickets.put(
            Ticket(
                key=key,
                content=self.cipher.seal(
                    msgspec.msgpack.encode(_Held(subject, msgspec.msgpack.encode(content))),
                    table="tickets",
                    record=key,
                    field=purpose,
                ),
                code_mac=self.keys.mac(ticket, code),
                guesses=GUESSES,
                expires_at=now + CODE_LIFETIME,
                resend_at=now + RESEND_AFTER,
            ),
            now=now,
        )
        return TicketIssued(ticket, CODE_LIFETIME, RESEND_AFTER), show_code(code)

    async def look(self, purpose: TicketPurpose, ticket: str, kind: type[ContentT]) -> ContentT:
        """The content of a ticket; no guess is spent. Gone (`ticket_expired`) when it is over."""
        found = await self.tickets.look(_key(ticket), now=self.world.now())
        if found is None:
            raise expired()
        return self._open(purpose, ticket, found[0], kind)[1]

    async def renewable(
        self, purpose: TicketPurpose, ticket: str, kind: type[ContentT]
    ) -> ContentT:
        """The content of a ticket that could have another code now; nothing changes.

        Raises:
            Gone, TooMany: as `renew` would.
        """
        now = self.world.now()
        found = await self.tickets.look(_key(ticket), now=now)
        if found is None:
            raise expired()
        content, resend_at = found
        opened = self._open(purpose, ticket, content, kind)[1]
        if resend_at > now:
            raise _too_soon(resend_at - now)
        return opened

    async def renew(
        self, purpose: TicketPurpose, ticket: str, kind: type[ContentT]
    ) -> tuple[TicketIssued, str, ContentT]:
        """Another code for a ticket, at most one a minute. The guesses left stay what they were.

        Raises:
            Gone: `ticket_expired`.
            TooMany: asked too soon; nothing changed.
        """
        code, now = new_code(self.world.random_bytes), self.world.now()
        answer = await self.tickets.renew(
            _key(ticket),
            self.keys.mac(ticket, code),
            now=now,
            expires_at=now + CODE_LIFETIME,
            resend_at=now + RESEND_AFTER,
        )
        if answer is None:
            raise expired()
        if isinstance(answer, datetime):
            raise _too_soon(answer - now)
        _, content = self._open(purpose, ticket, answer, kind)
        return TicketIssued(ticket, CODE_LIFETIME, RESEND_AFTER), show_code(code), content

    async def check(
        self,
        purpose: TicketPurpose,
        ticket: str,
        typed: str,
        kind: type[ContentT],
        *,
        refused: OnRefusal[ContentT] | None = None,
    ) -> ContentT:
        """The ticket's content, when the code is right. The ticket stays until it is dropped.

        What is `refused` is told there first.

        Raises:
            Rejected: `invalid_code`; one of five guesses is spent.
            Gone: `ticket_expired`: too late, out of guesses, or dropped.
            TooMany: the identifier's guesses are used up for now, be it right or not.
        """
        code = read_code(typed)
        mac = self.keys.mac(ticket, code or _NO_CODE)
        answer = await self.tickets.guess(_key(ticket), mac, now=self.world.now())
        if answer is None:
            raise expired()
        right, content = answer
        subject, opened = self._open(purpose, ticket, content, kind)
        guess = await self.guesses.begin(subject)
        if right and guess.allowed:
            await self.guesses.settle(subject)
            return opened
        failure = wrong_code() if guess.allowed else guess.refusal()
        if refused is not None:
            await refused(Refused(opened, subject, failure, guess))
        raise failure

    def link_token(self, ticket: str) -> str:
        """What the link in a ticket's mails carries: base64url text of 22 characters.

        128 bits that only whoever has our key can work out, so nothing of it is kept; and good
        for this ticket alone, so it lets in nobody but the browser that has it.
        """
        mac = self.keys.mac(ticket, _LINK)[:_LINK_BYTES]
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    async def check_link(
        self, purpose: TicketPurpose, ticket: str, token: str, kind: type[ContentT]
    ) -> ContentT:
        """The ticket's content, when the token is that of its link. It costs no guess.

        So strangers who use up the guesses at an identifier's codes do not close the link. A wrong
        one is noted nowhere: nobody guesses 128 bits, but people open the link of another mail.

        Raises:
            Rejected: `invalid_mailed_token`: not the token of this ticket.
            Gone: `ticket_expired`.
        """
        found = await self.tickets.look(_key(ticket), now=self.world.now())
        if found is None:
            raise expired()
        subject, opened = self._open(purpose, ticket, found[0], kind)
        expected = self.link_token(ticket).encode()
        if not hmac.compare_digest(expected, token.encode("utf-8", "replace")):
            raise Rejected("invalid_mailed_token", "This link was mailed for something else.")
        await self.guesses.settle(subject)
        return opened

    async def drop(self, ticket: str) -> None:
        """Forget a ticket. If that fails, it still expires, and leads nowhere a second time."""
        with contextlib.suppress(Unavailable):
            await self.tickets.drop(_key(ticket))

    def _open(
        self, purpose: TicketPurpose, ticket: str, sealed: bytes, kind: type[ContentT]
    ) -> tuple[bytes, ContentT]:
        try:
            plain = self.cipher.open(sealed, table="tickets", record=_key(ticket), field=purpose)
        except SealBroken as error:
            raise expired() from error
        held = msgspec.msgpack.decode(plain, type=_Held)
        return held.subject, msgspec.msgpack.decode(held.content, type=kind)


async def claim_once(
    spent: MailedTokens,
    purpose: TicketPurpose,
    ticket: str,
    *,
    account: AccountRecord,
    now: datetime,
) -> bool:
    """Whether this is the one call that may use a ticket whose code was right.

    In the database: shared state that fails over may bring a used ticket back.
    """
    record = MailedTokenRecord(
        hash=_key(ticket),
        purpose=purpose,
        account_id=account.id,
        epoch=account.epoch,
        expires_at=now + 2 * CODE_LIFETIME,
    )
    return await spent.claim(record, now=now)


def _too_soon(wait: timedelta) -> TooMany:
    return TooMany(
        message="A code was just sent. Wait a minute before asking for another.",
        retry_after_seconds=max(1, int(wait.total_seconds() + 1)),
    )


def expired() -> Gone:
    """What a ticket that is over answers, whyever it is."""
    return Gone("ticket_expired", "This took too long or was used before. Start again.")


def wrong_code() -> Rejected:
    """What a wrong code answers."""
    return Rejected("invalid_code", "That is not the code from the newest mail.")


def _key(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode("utf-8", "replace")).digest()
