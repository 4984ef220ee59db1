"""Proving once more who is there: a fresh session in place of the one that asks."""

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
)
from chronicle.auth.password_again import PasswordAgain
from chronicle.auth.ports import Mailer
from chronicle.auth.refused_codes import RefusedCodes
from chronicle.auth.sessions import SignedIn
from chronicle.auth.sign_in import SignIn
from chronicle.auth.tokens import Identity
from chronicle.security.events import EventKind
from chronicle.security.known_devices import NOTHING_PRESENTED, Presented
from chronicle.security.ports import MailedTokens
from chronicle.security.visitors import Visitor
from chronicle.users.addresses import AddressBook
from chronicle.users.ports import AccountRecord
from chronicle.world import World


class _Waiting(msgspec.Struct, frozen=True):
    """A session that waits for its code. The ticket is good for that one alone."""

    account_id: bytes
    session_id: bytes
    epoch: int


@dataclass(frozen=True, slots=True)
class Reauthentication:
    """By the password, or by a mailed code: for accounts that have none."""

    sign_in: SignIn
    again: PasswordAgain
    addresses: AddressBook
    codes: MailedCodes
    refused: RefusedCodes
    spent: MailedTokens
    mailer: Mailer
    base_url: str
    world: World

    async def with_password(
        self,
        identity: Identity,
        password: str,
        visitor: Visitor,
        *,
        device: Presented = NOTHING_PRESENTED,
    ) -> SignedIn:
        """Grant a new session for the password; the old one ends.

        Raises:
            Unauthenticated, TooMany, Unavailable: as `PasswordAgain.demand`.
        """
        account = await self.sign_in.book.record(identity.account_id)
        known = await self.sign_in.devices.recognise(account.id, device.token, epoch=account.epoch)
        await self.again.demand(
            identity,
            account,
            password,
            visitor,
            before=EventKind.SIGN_IN,
            known_device=known is not None,
        )
        return await self._replace(identity, account, ("pwd",), visitor, device)

    async def send_code(self, identity: Identity) -> TicketIssued:
        """Mail a code to the account's address.

        Wrong codes count for the account, and not for its address: whoever has stolen a session
        does not use up what its owner needs to sign in by code.
        """
        account = await self.sign_in.book.read(identity.account_id)
        content = _Waiting(account.id, identity.session_id, account.epoch)
        issued, code = await self.codes.issue(TicketPurpose.REAUTHENTICATE, account.id, content)
        await self.mailer.send(
            mails.reauthentication_code(
                account.email,
                code,
                minutes=CODE_MINUTES,
                base_url=self.base_url,
                locale=account.locale,
            )
        )
        return issued

    async def with_code(
        self,
        identity: Identity,
        ticket: str,
        code: str,
        visitor: Visitor,
        *,
        device: Presented = NOTHING_PRESENTED,
    ) -> SignedIn:
        """Grant a new session for the mailed code; the old one ends. It proves the address, too.

        Raises:
            Rejected: `invalid_code`; one of five guesses is spent. With the tenth in a row, the
                session is over and the owner has been told.
            Gone: `ticket_expired`: too late, used, of another session, or the account moved on.
            TooMany: too many codes were guessed wrong for this account.
        """
        waiting = await self.codes.look(TicketPurpose.REAUTHENTICATE, ticket, _Waiting)
        account = await self.sign_in.book.record(identity.account_id)
        asked_by = (account.id, identity.session_id, account.epoch)
        if (waiting.account_id, waiting.session_id, waiting.epoch) != asked_by:
            raise expired()
        refused = partial(
            self.refused.while_signed_in,
            kind=EventKind.SIGN_IN,
            visitor=visitor,
            identity=identity,
            account=account,
        )
        await self.codes.check(
            TicketPurpose.REAUTHENTICATE, ticket, code, _Waiting, refused=refused
        )
        if not account.email_verified:
            if not await self.addresses.confirm(account):
                raise expired()
            account = replace(account, email_verified=True)
        now = self.world.now()
        purpose = TicketPurpose.REAUTHENTICATE
        if not await claim_once(self.spent, purpose, ticket, account=account, now=now):
            raise expired()
        await self.codes.drop(ticket)
        return await self._replace(identity, account, ("otp",), visitor, device)

    async def _replace(
        self,
        identity: Identity,
        account: AccountRecord,
        amr: tuple[str, ...],
        visitor: Visitor,
        device: Presented,
    ) -> SignedIn:
        granted = await self.sign_in.grant(account, amr, visitor, device=device)
        await self.sign_in.keeping.end(identity.session_id, "replaced")
        return granted
