"""Wrong passwords close an account for a while, longer each time; never for a device it knows.

What is counted are guesses at an identifier, whether or not it has an account, so that the lock
says nothing about who exists. A device that the account knows has guesses of its own: strangers
who use up the identifier's do not lock its owner out.
"""

import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from chronicle.auth import mails
from chronicle.auth.ports import Mailer
from chronicle.errors import Rejected, Unavailable
from chronicle.security.guesses import Guess, Guesses
from chronicle.security.mailed_tokens import TokenDesk, TokenPurpose
from chronicle.security.ports import KnownDeviceRecord, RightGuess
from chronicle.users.accounts import AccountBook
from chronicle.users.addresses import AddressBook
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import AccountId, AccountRecord

_log = logging.getLogger(__name__)

UNLOCK_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class PasswordGuess:
    """A guess at a password. `subject` is whose guesses it is one of.

    `device` is the known one that makes it, None for a stranger's. What is `counted` was let in.
    """

    email: EmailAddress
    account: AccountRecord | None
    guesses: Guesses
    subject: bytes
    device: KnownDeviceRecord | None
    counted: bool = False

    def right(self) -> RightGuess:
        """It was right: the count of its subject begins anew, a device's or an identifier's."""
        return self.guesses.right(self.subject, counted=self.counted)


@dataclass(frozen=True, slots=True)
class AccountLock:
    """Counts guesses at passwords, locks, tells the owner, and unlocks."""

    by_identifier: Guesses
    by_device: Guesses
    book: AccountBook
    addresses: AddressBook
    tokens: TokenDesk
    mailer: Mailer
    base_url: str

    def guess(
        self, email: EmailAddress, account: AccountRecord | None, device: KnownDeviceRecord | None
    ) -> PasswordGuess:
        """A guess to come: the device's, if it comes from one that is known.

        What it costs is the same whether or not there is an account.
        """
        if device is not None:
            guesses, subject = self.by_device, device.id
        else:
            guesses, subject = self.by_identifier, self.book.email_index(email)
        return PasswordGuess(email, account, guesses, subject, device)

    async def look(self, tried: PasswordGuess) -> Guess:
        """Whether it may be answered by what the password is; nothing is counted."""
        return await tried.guesses.look(tried.subject)

    async def count(self, tried: PasswordGuess) -> Guess:
        """Count it as wrong; durable. Unless it is allowed, it met a lock instead."""
        return await tried.guesses.begin(tried.subject)

    async def give_back(self, tried: PasswordGuess) -> None:
        """It was right, and led to nothing: it does not count."""
        if tried.counted:
            await tried.guesses.give_back(tried.subject)

    async def wrong(self, tried: PasswordGuess, guess: Guess) -> None:
        """It was wrong, and is counted. If a lock begins with it, tell the owner.

        The mail brings a link that ends the lock. An address without an account costs the same,
        and nobody gets the mail. Locks that no longer grow are not told: whoever goes on guessing
        for days fills nobody's mailbox.
        """
        if guess.lock is None or tried.guesses is not self.by_identifier:
            return
        if self.by_identifier.rule.grows(guess.failures):
            try:
                await self._tell(tried, guess.lock)
            except Unavailable:
                _log.exception("the mail about a locked account could not be sent")

    async def _tell(self, tried: PasswordGuess, length: timedelta) -> None:
        account = self.book.in_the_clear(tried.account) if tried.account else None
        token = await self.tokens.issue(
            TokenPurpose.UNLOCK,
            account.id if account else None,
            epoch=account.epoch if account else 0,
            lifetime=UNLOCK_LIFETIME,
        )
        mail = mails.account_locked(
            account.email if account else tried.email.entered,
            token,
            minutes=int(length.total_seconds() // 60),
            base_url=self.base_url,
            locale=account.locale if account else None,
        )
        await self.mailer.send(replace(mail, void=account is None))

    async def unlock(self, token: str) -> None:
        """End the lock of the account whose mailed token this is.

        What was locked is an address. Where the account has another one since, the link ends
        nothing: not the lock of an address that it was not mailed to, nor that of one that may be
        somebody else's now. The token is spent last: what fails half way can be tried again.

        Raises:
            Rejected: `invalid_mailed_token`: used, expired, never issued, or mailed to an address
                that the account no longer has; nothing changed.
        """
        known = await self.tokens.find(TokenPurpose.UNLOCK, token)
        if known is None:
            raise _used()
        account = await self.book.record(AccountId(known.account_id))
        if not self.addresses.still_has(account, known.epoch):
            raise _used()
        await self.lift(account)
        if await self.tokens.spend(TokenPurpose.UNLOCK, token) is None:
            raise _used()

    async def forget_old(self) -> int:
        """Drop counts that no longer count; how many."""
        return await self.by_identifier.forget_old()

    async def lift(self, account: AccountRecord) -> None:
        """End an account's lock, because its mailbox has spoken."""
        await self.by_identifier.settle(account.email_index)


def _used() -> Rejected:
    return Rejected("invalid_mailed_token", "This link was used before, or is too old.")
