"""Signing in with a mailed code instead of the password."""

from dataclasses import dataclass, replace
from functools import partial

import msgspec

from chronicle.auth import mails
from chronicle.auth.mailed_codes import (
    CODE_MINUTES,
    MailedCodes,
    TicketIssued,
    TicketPurpose,
    claim_once,
    expired,
    wrong_code,
)
from chronicle.auth.ports import Mailer
from chronicle.auth.proof_of_address import ProofOfAddress
from chronicle.auth.refused_codes import RefusedCodes
from chronicle.auth.sessions import SignedIn
from chronicle.auth.sign_in import SignIn
from chronicle.security.events import EventKind
from chronicle.security.known_devices import NOTHING_PRESENTED, Presented
from chronicle.security.ports import MailedTokens
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import AccountId, AccountRecord
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
    refused: RefusedCodes
    sign_in: SignIn
    proof: ProofOfAddress
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
            minutes=CODE_MINUTES,
            base_url=self.base_url,
            locale=known.locale,
        )
        await self.mailer.send(replace(mail, void=known.account_id is None))
        return issued

    async def finish(
        self, ticket: str, code: str, visitor: Visitor, *, device: Presented = NOTHING_PRESENTED
    ) -> SignedIn:
        """Sign in with the code. Where that first proves the address, all of before is void.

        Raises:
            Rejected: `invalid_code`; one of five guesses is spent.
            Gone: `ticket_expired`: too late, out of guesses, used, or the account moved on.
        """
        refused = partial(
            self.refused.by_a_stranger,
            kind=EventKind.SIGN_IN,
            method="otp",
            visitor=visitor,
            device=device.token,
        )
        waiting = await self.codes.check(
            TicketPurpose.SIGN_IN, ticket, code, _Waiting, refused=refused
        )
        return await self._enter(ticket, waiting, visitor, device)

    async def finish_with_link(
        self, ticket: str, token: str, visitor: Visitor, *, device: Presented = NOTHING_PRESENTED
    ) -> SignedIn:
        """Sign in with the token of the mailed link, in the browser that has the ticket.

        Whoever has only the link gets nowhere: neither who reads the mail later, nor a victim who
        was sent the link of somebody else's account (login CSRF).

        Raises:
            Rejected: `invalid_mailed_token`: not the link of this ticket.
            Gone: `ticket_expired`: too late, used, or the account moved on.
        """
        waiting = await self.codes.check_link(TicketPurpose.SIGN_IN, ticket, token, _Waiting)
        return await self._enter(ticket, waiting, visitor, device)

    async def _enter(
        self, ticket: str, waiting: _Waiting, visitor: Visitor, device: Presented
    ) -> SignedIn:
        if waiting.account_id is None:
            raise wrong_code()
        account = await self.book.record(AccountId(waiting.account_id))
        if account.epoch != waiting.epoch:
            raise expired()
        if not account.email_verified:
            return await self._take_over(account, ticket, visitor, device)
        now, purpose = self.world.now(), TicketPurpose.SIGN_IN
        if not await claim_once(self.spent, purpose, ticket, account=account, now=now):
            raise expired()
        await self.codes.drop(ticket)
        return await self.sign_in.grant(account, ("otp",), visitor, device=device)

    async def _take_over(
        self, account: AccountRecord, ticket: str, visitor: Visitor, device: Presented
    ) -> SignedIn:
        # The epoch moves with it, so the ticket is good once.
        taken = await self.proof.take_over(account)
        if taken is None:
            raise expired()
        await self.codes.drop(ticket)
        return await self.sign_in.grant(taken, ("otp",), visitor, device=device, signs_up=True)
