"""Signing in with a mailed code instead of the password."""

import hashlib
from dataclasses import dataclass, replace

import msgspec

from chronicle.auth import mails
from chronicle.auth.mailed_codes import (
    CODE_LIFETIME,
    MailedCodes,
    TicketIssued,
    TicketPurpose,
    expired,
    wrong_code,
)
from chronicle.auth.ports import Mailer
from chronicle.auth.sessions import SignedIn
from chronicle.auth.sign_in import SignIn
from chronicle.security.ports import MailedTokenRecord, MailedTokens
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import AccountId
from chronicle.world import World


class _Waiting(msgspec.Struct, frozen=True):
    """A sign-in that waits for its code. Without an account, none will be right."""

    account_id: bytes | None
    epoch: int


@dataclass(frozen=True, slots=True)
class CodeSignIn:
    """Starts and finishes sign-ins by mailed code."""

    book: AccountBook
    codes: MailedCodes
    sign_in: SignIn
    spent: MailedTokens
    mailer: Mailer
    base_url: str
    world: World

    async def start(self, email: EmailAddress) -> TicketIssued:
        """Mail a code and a link to the account's stored address; the answer never says if any."""
        known = await self.book.addressee(email)
        content = _Waiting(known.account_id, known.epoch)
        subject = self.book.email_index(email)
        issued, code = await self.codes.issue(TicketPurpose.SIGN_IN, subject, content)
        mail = mails.sign_in_code(
            known.mail_to,
            code,
            self.codes.link_token(issued.ticket),
            minutes=int(CODE_LIFETIME.total_seconds() // 60),
            base_url=self.base_url,
            locale=known.locale,
        )
        await self.mailer.send(replace(mail, void=known.account_id is None))
        return issued

    async def finish(
        self, ticket: str, code: str, visitor: Visitor, *, device_token: str | None = None
    ) -> SignedIn:
        """Sign in with the code.

        Raises:
            Rejected: `invalid_code`; one of five guesses is spent.
            Gone: `ticket_expired`: too late, out of guesses, used, or the account moved on.
        """
        waiting = await self.codes.check(TicketPurpose.SIGN_IN, ticket, code, _Waiting)
        return await self._enter(ticket, waiting, visitor, device_token)

    async def finish_with_link(
        self, ticket: str, token: str, visitor: Visitor, *, device_token: str | None = None
    ) -> SignedIn:
        """Sign in with the token of the mailed link, in the browser that has the ticket.

        Whoever has only the link gets nowhere: neither who reads the mail later, nor a victim who
        was sent the link of somebody else's account (login CSRF).

        Raises:
            Rejected: `invalid_mailed_token`: not the link of this ticket.
            Gone: `ticket_expired`: too late, used, or the account moved on.
        """
        waiting = await self.codes.check_link(TicketPurpose.SIGN_IN, ticket, token, _Waiting)
        return await self._enter(ticket, waiting, visitor, device_token)

    async def _enter(
        self, ticket: str, waiting: _Waiting, visitor: Visitor, device_token: str | None
    ) -> SignedIn:
        if waiting.account_id is None:
            raise wrong_code()
        account = await self.book.record(AccountId(waiting.account_id))
        if account.epoch != waiting.epoch or not await self._spend(ticket, waiting):
            raise expired()
        await self.codes.drop(ticket)
        return await self.sign_in.grant(account, ("otp",), visitor, device_token=device_token)

    async def _spend(self, ticket: str, waiting: _Waiting) -> bool:
        # In the database: shared state that fails over may bring a used ticket back.
        now = self.world.now()
        record = MailedTokenRecord(
            hash=hashlib.sha256(ticket.encode()).digest(),
            purpose=TicketPurpose.SIGN_IN,
            account_id=waiting.account_id or b"",
            epoch=waiting.epoch,
            expires_at=now + 2 * CODE_LIFETIME,
        )
        return await self.spent.claim(record, now=now)
