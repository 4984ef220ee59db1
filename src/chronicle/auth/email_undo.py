"""Takes an account back for the address that it had before somebody changed it.

Whoever changed the address was signed in, and perhaps knew the password. So with the address
everything else goes that a stranger may hold: the password, every session, every known device. The
mailbox of the former address then sets a new password, as after a report.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chronicle.auth import mails
from chronicle.auth.ports import Mailer
from chronicle.errors import Conflict, Rejected, Unavailable
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.known_devices import DeviceBook
from chronicle.security.mailed_tokens import TokenDesk, TokenPurpose
from chronicle.security.visitors import Visitor
from chronicle.users.addresses import AddressBook
from chronicle.users.ports import AccountId, AccountRecord

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EmailUndo:
    """Undoes changes of addresses."""

    addresses: AddressBook
    devices: DeviceBook
    events: EventLog
    tokens: TokenDesk
    mailer: Mailer
    base_url: str

    async def undo(self, token: str, visitor: Visitor) -> None:
        """Bring the address back that the token was mailed to.

        The write that does it also forgets the change, so that of any number of racing calls one
        does it, and a token is good once even where noting it as spent fails.

        Raises:
            Rejected: `invalid_mailed_token`: used before, too old, or made up.
            Conflict: `email_taken`: somebody else has proved the address since; nothing changed.
        """
        known = await self.tokens.find(TokenPurpose.UNDO_EMAIL, token)
        if known is None:
            raise _used()
        account_id = AccountId(known.account_id)
        was, restored = await self._bring_back(account_id, known.epoch)
        # Void already, with the epoch; their rows need not wait to expire.
        await self.devices.revoke_all(account_id)
        owed: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: self._note(account_id, visitor),
            lambda: self._tell(was, restored),
            lambda: self.tokens.spend(TokenPurpose.UNDO_EMAIL, token),
        )
        for each in owed:
            try:
                await each()
            except Unavailable:
                _log.exception("what follows from an undone change of an address is not all done")

    async def _bring_back(
        self, account_id: AccountId, epoch: int
    ) -> tuple[AccountRecord, AccountRecord]:
        while True:
            account = await self.addresses.book.record(account_id)
            former = self.addresses.lost_with(account, epoch)
            if former is None:
                raise _used()
            try:
                restored = await self.addresses.bring_back(account, former, how="undo")
            except Conflict as conflict:
                raise Conflict(
                    "email_taken",
                    "Another account has this address now. If it is yours, change its address"
                    " first, then use this link again.",
                ) from conflict
            if restored is not None:
                return account, restored

    async def _note(self, account_id: AccountId, visitor: Visitor) -> None:
        await self.events.note(
            Happening(
                kind=EventKind.REPORTED,
                method="undo",
                outcome=Outcome.GRANTED,
                visitor=visitor,
                account_id=account_id,
            )
        )

    async def _tell(self, was: AccountRecord, restored: AccountRecord) -> None:
        lost = self.addresses.book.in_the_clear(was)
        owner = self.addresses.book.in_the_clear(restored)
        await self.mailer.send(
            mails.email_restored(owner.email, base_url=self.base_url, locale=owner.locale)
        )
        await self.mailer.send(
            mails.email_withdrawn(lost.email, base_url=self.base_url, locale=lost.locale)
        )


def _used() -> Rejected:
    return Rejected("invalid_mailed_token", "This link was used before, or is too old.")
