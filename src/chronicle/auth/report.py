"""What the "this wasn't me" link in a notice does for an owner who sees a stranger at work."""

import logging
from dataclasses import dataclass

from chronicle.auth import mails
from chronicle.auth.ports import Mailer
from chronicle.errors import Rejected, Unavailable
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.known_devices import DeviceBook
from chronicle.security.mailed_tokens import TokenDesk, TokenPurpose
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.ports import AccountId

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """Takes an account out of a stranger's hands."""

    book: AccountBook
    events: EventLog
    tokens: TokenDesk
    devices: DeviceBook
    mailer: Mailer
    base_url: str

    async def stranger(self, token: str, visitor: Visitor) -> None:
        """End every session, forget the devices, void the password until one is set by mail.

        Whoever signed in or changed the password knew one that worked, so neither the one that
        stands nor the one before it can be trusted; the mailbox can. The token is spent last: of
        what fails half way, all is done by the next try.

        Raises:
            Rejected: `invalid_mailed_token`: used before, too old, or made up.
        """
        known_token = await self.tokens.find(TokenPurpose.REPORT, token)
        if known_token is None:
            raise _used()
        account_id = AccountId(known_token.account_id)
        account = await self.book.record(account_id)
        while await self.book.change_password(account, None, how="report") is None:
            account = await self.book.record(account_id)
        # Void already, with the epoch, those too that a racing sign-in adds after this; their rows
        # need not wait to expire.
        await self.devices.revoke_all(account_id)
        await self.events.note(
            Happening(
                kind=EventKind.REPORTED,
                method="mail",
                outcome=Outcome.GRANTED,
                visitor=visitor,
                account_id=account_id,
            )
        )
        if await self.tokens.spend(TokenPurpose.REPORT, token) is None:
            raise _used()
        known = self.book.in_the_clear(account)
        try:
            await self.mailer.send(
                mails.sessions_ended_by_report(
                    known.email, base_url=self.base_url, locale=known.locale
                )
            )
        except Unavailable:
            _log.exception("the mail about a reported sign-in could not be sent")


def _used() -> Rejected:
    return Rejected("invalid_mailed_token", "This link was used before, or is too old.")
