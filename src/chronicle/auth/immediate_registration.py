"""Signing up at once, where the settings ask for it: the account comes first, its proof later.

What that gives up is secrecy: an address that has an account is refused as such. What it does not
give up is the account: see `proof_of_address.py`.
"""

import logging
from dataclasses import dataclass

from chronicle.auth.email_change import EmailChange
from chronicle.auth.familiar_words import PasswordOwner
from chronicle.auth.mailed_codes import MailedCodes, TicketIssued
from chronicle.auth.password_policy import PasswordPolicy
from chronicle.auth.passwords import PasswordHashing
from chronicle.auth.ports import Mailer
from chronicle.auth.sessions import SignedIn
from chronicle.auth.sign_in import SignIn
from chronicle.errors import Unavailable
from chronicle.security.known_devices import NOTHING_PRESENTED, Presented
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook, NewAccount
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import AccountId, AccountRecord
from chronicle.world import World

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ImmediateRegistration:
    """Sign-up in one step."""

    book: AccountBook
    sign_in: SignIn
    hashing: PasswordHashing
    policy: PasswordPolicy
    codes: MailedCodes
    email_change: EmailChange
    mailer: Mailer
    world: World

    async def sign_up(
        self,
        email: EmailAddress,
        password: str,
        name: str | None,
        visitor: Visitor,
        *,
        device: Presented = NOTHING_PRESENTED,
    ) -> tuple[SignedIn, TicketIssued]:
        """Make an unverified account, sign it in, and mail a code that confirms its address.

        Raises:
            Rejected: the password can't be set; nothing changed.
            Conflict: `email_taken`; nothing changed.
            Unavailable: `overloaded`, or a part is down. There is no account, unless the session
                is what failed, or the answer was lost: then signing in works.
        """
        owner = PasswordOwner(email.entered, name)
        password_hash = await self.hashing.hash(await self.policy.accept(password, owner))
        account_id = AccountId(self.world.new_id())
        # The ticket first: without shared state there is no way to confirm, and no account.
        issued, code = await self.email_change.issue_own(account_id, 0, email)
        try:
            account = await self.book.open(
                NewAccount(account_id, email, False, name, password_hash)
            )
        except BaseException:
            await self.codes.drop(issued.ticket)
            raise
        await self._mail(account, code, issued.ticket)
        granted = await self.sign_in.grant(account, ("pwd",), visitor, device=device, signs_up=True)
        return granted, issued

    async def _mail(self, account: AccountRecord, code: str, ticket: str) -> None:
        to = self.book.in_the_clear(account).email
        try:
            await self.mailer.send(self.email_change.own_mail(to, code, ticket, None))
        except Unavailable:
            # The account is there, and another code can be asked for.
            _log.exception("the mail that confirms an address could not be sent")
