"""Stops somebody who is signed in and guesses: a stolen session must be no way to anything more."""

import logging
from dataclasses import dataclass

from chronicle.auth import mails
from chronicle.auth.ports import Mailer
from chronicle.auth.reports import report_token
from chronicle.auth.sessions import SessionKeeping
from chronicle.auth.tokens import Identity
from chronicle.errors import Unavailable
from chronicle.security.guesses import Guess, LockRule
from chronicle.security.mailed_tokens import TokenDesk
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.ports import AccountRecord

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GuesserStop:
    """Ends the session of who guessed, and tells the owner."""

    book: AccountBook
    keeping: SessionKeeping
    tokens: TokenDesk
    mailer: Mailer
    base_url: str

    async def stop(
        self,
        identity: Identity,
        account: AccountRecord,
        visitor: Visitor,
        guess: Guess,
        *,
        rule: LockRule,
    ) -> None:
        """End the session with the guess that began a lock. A mail that fails is logged.

        The owner of an address that nobody proved is told nothing: whoever signs up with somebody
        else's could have mails sent there.

        Raises:
            Unavailable: the session could not be ended.
        """
        await self.keeping.end(identity.session_id, "guessed")
        if not account.email_verified or not rule.grows(guess.failures):
            return
        known = self.book.in_the_clear(account)
        try:
            token = await report_token(self.tokens, account)
            await self.mailer.send(
                mails.guesses_while_signed_in(
                    known.email,
                    visitor.device,
                    visitor.address,
                    token,
                    base_url=self.base_url,
                    locale=known.locale,
                )
            )
        except Unavailable:
            _log.exception("the mail about guesses in a session could not be sent")
