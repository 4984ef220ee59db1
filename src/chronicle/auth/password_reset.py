"""A forgotten password: a mailed code, or the link beside it, lets its owner set another."""

import logging
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from chronicle.auth import mails
from chronicle.auth.account_lock import AccountLock
from chronicle.auth.credentials import Credentials
from chronicle.auth.mailed_codes import (
    CODE_LIFETIME,
    CODE_MINUTES,
    MailedCodes,
    TicketIssued,
    TicketPurpose,
    wrong_code,
)
from chronicle.auth.ports import Mailer
from chronicle.auth.refused_codes import RefusedCodes
from chronicle.errors import Conflict, Rejected, Unavailable
from chronicle.security.events import EventKind
from chronicle.security.known_devices import DeviceBook, DeviceToken
from chronicle.security.mailed_tokens import TokenDesk, TokenPurpose
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import AccountId, AccountRecord

_log = logging.getLogger(__name__)


class _Reset(msgspec.Struct, frozen=True):
    """A reset that waits for its code. Without an account, none will be right."""

    account_id: bytes | None
    epoch: int


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """Starts and finishes resets. Neither gives a session or switches off a second factor.

    Who resets has proven the mailbox, and whoever signed in before may have known the password that
    was lost: every known device is forgotten, but for the one that the reset comes from.
    """

    book: AccountBook
    codes: MailedCodes
    refused: RefusedCodes
    credentials: Credentials
    lock: AccountLock
    tokens: TokenDesk
    devices: DeviceBook
    mailer: Mailer
    base_url: str

    async def start(self, email: EmailAddress) -> TicketIssued:
        """Mail a code and a link to the account's stored address; the answer never says if any.

        The link's token works also when the code's guesses are used up.
        """
        known = await self.book.addressee(email)
        content = _Reset(known.account_id, known.epoch)
        subject = self.book.email_index(email)
        issued, code = await self.codes.issue(TicketPurpose.RESET, subject, content)
        token = await self.tokens.issue(
            TokenPurpose.RESET, known.account_id, epoch=known.epoch, lifetime=CODE_LIFETIME
        )
        mail = mails.password_reset(
            known.mail_to,
            code,
            token,
            minutes=CODE_MINUTES,
            base_url=self.base_url,
            locale=known.locale,
        )
        await self.mailer.send(replace(mail, void=known.account_id is None))
        return issued

    async def finish_with_code(
        self,
        ticket: str,
        code: str,
        password: str,
        visitor: Visitor,
        *,
        device_token: DeviceToken | None = None,
    ) -> None:
        """Set another password; all sessions end.

        Raises:
            Rejected: the password can't be set (no guess is spent, unless it is refused for what
                is known of its owner, and then the ticket stays), or `invalid_code`.
            Gone: `ticket_expired`.
        """
        policy = self.credentials.policy
        accepted = await policy.accept(password)
        refused = partial(
            self.refused.by_a_stranger,
            kind=EventKind.PASSWORD_CHANGE,
            method="reset",
            visitor=visitor,
            device=device_token,
        )
        reset = await self.codes.check(TicketPurpose.RESET, ticket, code, _Reset, refused=refused)
        if reset.account_id is None:
            raise wrong_code()
        account = await self._account(reset.account_id, reset.epoch)
        policy.check_owner(accepted, self.credentials.owner_of(account))
        await self._set(account, accepted, visitor, device_token)
        await self.codes.drop(ticket)

    async def finish_with_token(
        self,
        token: str,
        password: str,
        visitor: Visitor,
        *,
        device_token: DeviceToken | None = None,
    ) -> None:
        """Set another password with the token of the mailed link; all sessions end.

        The token is spent last, so that what fails half way can be tried again. Until then the
        epoch, which moves with the password, is what makes it good once.

        Raises:
            Rejected: the password can't be set (the token stays good), or `invalid_reset_token`.
            Unavailable: the password is as it was, and the token stays good; or it can't be told.
        """
        policy = self.credentials.policy
        accepted = await policy.accept(password)
        known = await self.tokens.find(TokenPurpose.RESET, token)
        if known is None:
            raise _invalid()
        account = await self._account(known.account_id, known.epoch)
        policy.check_owner(accepted, self.credentials.owner_of(account))
        await self._set(account, accepted, visitor, device_token)
        try:
            await self.tokens.spend(TokenPurpose.RESET, token)
        except Unavailable:
            _log.exception("the link of a reset could not be noted as used; it is good no more")

    async def _account(self, account_id: bytes, epoch: int) -> AccountRecord:
        account = await self.book.record(AccountId(account_id))
        # Whatever moved the epoch since (another reset, a lock, a logout of all) voids this one.
        if account.epoch != epoch:
            raise _invalid()
        return account

    async def _set(
        self,
        account: AccountRecord,
        accepted: str,
        visitor: Visitor,
        device_token: DeviceToken | None,
    ) -> None:
        # First, for its mailbox has spoken: what fails before the password is set is tried again.
        await self.lock.lift(account)
        own = None
        if account.email_verified:
            known = await self.devices.recognise(account.id, device_token, epoch=account.epoch)
            own = known.id if known else None
        try:
            changed = await self.credentials.replace_password(
                account, accepted, visitor, how="reset", proves_address=True
            )
        except Conflict as conflict:
            raise _invalid() from conflict
        if own is not None:
            await self.devices.keep(
                account.id, seen_epoch=account.epoch, epoch=changed.epoch, only=own
            )
        # The others are void already, with the epoch; their rows need not wait to expire.
        await self.devices.revoke_all(account.id, but=own)


def _invalid() -> Rejected:
    return Rejected(
        "invalid_reset_token", "This reset was used before, or is no longer valid. Start again."
    )
