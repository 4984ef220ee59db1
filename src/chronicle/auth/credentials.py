"""Changing how an account signs in, and what every such change owes.

The account's document changes by one conditional write that also holds the ledger entry and moves
the security epoch, so that every session, ticket and code of before is void at that moment. Then
the event is noted, and the owner is told by mail, with a link that says "this wasn't me".
"""

import logging
from dataclasses import dataclass

from chronicle.auth import mails
from chronicle.auth.familiar_words import PasswordOwner
from chronicle.auth.password_again import PasswordAgain
from chronicle.auth.password_policy import PasswordPolicy
from chronicle.auth.passwords import PasswordHashing
from chronicle.auth.ports import Mailer
from chronicle.auth.reports import report_token
from chronicle.auth.sessions import SessionKeeping
from chronicle.auth.tokens import Identity
from chronicle.errors import Conflict, Unavailable
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.known_devices import DeviceBook
from chronicle.security.mailed_tokens import TokenDesk
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.ports import AccountRecord
from chronicle.world import World

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Changes of an account's password."""

    book: AccountBook
    keeping: SessionKeeping
    hashing: PasswordHashing
    policy: PasswordPolicy
    again: PasswordAgain
    events: EventLog
    tokens: TokenDesk
    devices: DeviceBook
    mailer: Mailer
    base_url: str
    world: World

    async def change_password(
        self, identity: Identity, password: str, new_password: str, visitor: Visitor
    ) -> None:
        """Replace the caller's password; every other session of theirs is over.

        The devices that the account knows stay known: they open nothing, and without them
        strangers could lock out the owner who just did the right thing.

        Raises:
            Rejected: the new password can't be set; nothing changed.
            Unauthenticated, TooMany: as `PasswordAgain.demand`; nothing changed.
            Conflict: `edited_meanwhile`; nothing changed.
        """
        account = await self.book.record(identity.account_id)
        accepted = await self.policy.accept(
            new_password, self.owner_of(account), field="new_password"
        )
        await self.again.demand(
            identity, account, password, visitor, before=EventKind.PASSWORD_CHANGE
        )
        changed = await self.replace_password(account, accepted, visitor, how="password")
        try:
            await self.keeping.sessions.carry_over(
                identity.session_id, seen_epoch=account.epoch, epoch=changed.epoch
            )
        except Unavailable:
            # The password is changed: to say that it failed would be wrong. They sign in again.
            _log.exception("a session could not be carried over a change of the password")
        await self.devices.keep(account.id, seen_epoch=account.epoch, epoch=changed.epoch)

    def owner_of(self, account: AccountRecord) -> PasswordOwner:
        """What anybody may know of the person whose account it is."""
        known = self.book.in_the_clear(account)
        return PasswordOwner(known.email, known.name)

    async def replace_password(
        self,
        account: AccountRecord,
        accepted: str,
        visitor: Visitor,
        *,
        how: str,
        proves_address: bool = False,
    ) -> AccountRecord:
        """Set an accepted password, and do what that owes. Every session is void.

        What `proves_address`, because it came from the mailbox, also verifies the address.

        Raises:
            Conflict: `edited_meanwhile`: the account moved on since it was read.
        """
        changed = await self.book.change_password(
            account,
            await self.hashing.hash(accepted),
            how=how,
            proves_address=proves_address,
        )
        if changed is None:
            raise Conflict("edited_meanwhile", "The account was changed meanwhile. Start again.")
        try:
            await self._note(changed, visitor, method=how)
        except Unavailable:
            # The password is changed, and its ledger entry with it: to say that it failed would
            # be wrong. What is missing is the line in the owner's history.
            _log.exception("the change of a password could not be noted")
        if changed.email_verified:
            # Whoever made an account on a stranger's address fills no mailbox with notices.
            await self._tell(changed)
        return changed

    async def _note(self, account: AccountRecord, visitor: Visitor, *, method: str) -> None:
        await self.events.note(
            Happening(
                kind=EventKind.PASSWORD_CHANGE,
                method=method,
                outcome=Outcome.GRANTED,
                visitor=visitor,
                account_id=account.id,
            )
        )

    async def _tell(self, account: AccountRecord) -> None:
        known = self.book.in_the_clear(account)
        try:
            token = await report_token(self.tokens, account)
            await self.mailer.send(
                mails.password_changed(
                    known.email, token, base_url=self.base_url, locale=known.locale
                )
            )
        except Unavailable:
            # The password is changed either way; the event above is what the owner can still see.
            _log.exception("the mail about a changed password could not be sent")
