"""What the "this wasn't me" link in a notice does for an owner who sees a stranger at work."""

import logging
from dataclasses import dataclass

from chronicle.auth import mails
from chronicle.auth.mailed_codes import CODE_LIFETIME, CODE_MINUTES
from chronicle.auth.ports import Mailer
from chronicle.errors import Conflict, Rejected, Unavailable
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.known_devices import DeviceBook
from chronicle.security.mailed_tokens import TokenDesk, TokenPurpose
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.addresses import AddressBook
from chronicle.users.ports import AccountId, AccountRecord

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """Takes an account out of a stranger's hands."""

    book: AccountBook
    addresses: AddressBook
    events: EventLog
    tokens: TokenDesk
    devices: DeviceBook
    mailer: Mailer
    base_url: str

    async def stranger(self, token: str, visitor: Visitor) -> None:
        """End every session, forget the devices, void the password, and mail a link to set one.

        Whoever signed in or changed the password knew one that worked, so neither the one that
        stands nor the one before it can be trusted; the mailbox can. Where the address was changed
        since the token was mailed to it, it comes back. The token is spent last: of what fails
        half way, all is done by the next try.

        Raises:
            Rejected: `invalid_mailed_token`: used before, too old, made up, or mailed to an address
                that the account has lost to somebody else, or that was a stranger's.
        """
        known_token = await self.tokens.find(TokenPurpose.REPORT, token)
        if known_token is None:
            raise _used()
        account_id = AccountId(known_token.account_id)
        was, account = await self._take_back(account_id, known_token.epoch)
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
        try:
            await self._tell(was, account)
        except Unavailable:
            _log.exception("the mail about a reported sign-in could not be sent")

    async def _take_back(
        self, account_id: AccountId, epoch: int
    ) -> tuple[AccountRecord, AccountRecord]:
        """The account before and after. `epoch` is that in which the token was mailed."""
        while True:
            account = await self.book.record(account_id)
            if not self.addresses.mailed_to_its_owner(account, epoch):
                raise _used()
            taken_back = await self._with_its_address(account, epoch)
            if taken_back is not None:
                return account, taken_back

    async def _with_its_address(self, account: AccountRecord, epoch: int) -> AccountRecord | None:
        # Never further back than to where the token was mailed: its owner may have left an
        # address because a stranger reads its mail.
        former = self.addresses.held_in(account, epoch)
        if former is not None:
            try:
                return await self.addresses.bring_back(account, former, how="report")
            except Conflict:
                _log.warning("a reported change of an address can't be undone: it is taken")
        if account.password_hash is None and account.email_verified:
            # Nothing to take away, as where the first try broke off: the ledger says it once.
            return await self.book.end_epoch(account)
        return await self.book.change_password(
            account, None, how="report", proves_address=former is None
        )

    async def _tell(self, was: AccountRecord, account: AccountRecord) -> None:
        owner, lost = self.book.in_the_clear(account), self.book.in_the_clear(was)
        token = await self.tokens.issue(
            TokenPurpose.RESET, account.id, epoch=account.epoch, lifetime=CODE_LIFETIME
        )
        await self.mailer.send(
            mails.sessions_ended_by_report(
                owner.email,
                token,
                minutes=CODE_MINUTES,
                base_url=self.base_url,
                locale=owner.locale,
            )
        )
        if was.email_index != account.email_index:
            await self.mailer.send(
                mails.email_withdrawn(lost.email, base_url=self.base_url, locale=lost.locale)
            )


def _used() -> Rejected:
    return Rejected("invalid_mailed_token", "This link was used before, or is too old.")
