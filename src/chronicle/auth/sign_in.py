"""Signing in. Whatever the method, a session is granted here and nowhere else.

So no method can forget what a sign-in owes: the security epoch read before verification, and the
event with its ledger entry, without which there is no session.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from chronicle.auth.account_lock import AccountLock, PasswordGuess
from chronicle.auth.new_device import NewDeviceNotice
from chronicle.auth.passwords import PasswordHashing, normalize_password
from chronicle.auth.ports import Granted, Grants, SessionId, SessionRecord
from chronicle.auth.refresh_tokens import digest
from chronicle.auth.sessions import SessionKeeping, SignedIn
from chronicle.errors import Unauthenticated, Unavailable
from chronicle.ledger.entries import compose
from chronicle.ledger.kinds import Kind
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.known_devices import (
    MOST_OF_AN_ACCOUNT,
    NOTHING_PRESENTED,
    DeviceBook,
    Presented,
)
from chronicle.security.ports import DeviceUse, EventRecord, KnownDeviceRecord
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import AccountRecord
from chronicle.world import World, id_text

_log = logging.getLogger(__name__)

_NONCE_BYTES = 16
_LONGEST_LOG_DELAY_MS = 2000


@dataclass(frozen=True, slots=True)
class SignIn:
    """The ways in, and the one exit."""

    book: AccountBook
    keeping: SessionKeeping
    grants: Grants
    hashing: PasswordHashing
    events: EventLog
    devices: DeviceBook
    lock: AccountLock
    new_device: NewDeviceNotice
    world: World

    async def with_password(
        self,
        email: EmailAddress,
        password: str,
        visitor: Visitor,
        *,
        device: Presented = NOTHING_PRESENTED,
    ) -> SignedIn:
        """Sign in with address and password, perhaps from a device that the account knows.

        The guess is counted, one hash is computed and one event is noted whoever asks, so that
        unknown, known and locked accounts take alike; while it is locked, the right password is
        answered like a wrong one.

        Raises:
            Unauthenticated: `invalid_credentials`.
            TooMany: `too_many_attempts`: locked, whether or not there is an account.
            Unavailable: `overloaded`, or the sign-in could not be stored; the guess does not count.
        """
        self.hashing.refuse_when_full(perhaps_known=self.devices.is_genuine(device.token))
        account = await self.book.find(email)
        stored = self.book.password_hash(account) if account else None
        normal = normalize_password(password)
        guess = await self._begin_guess(email, account, device)
        try:
            matched = await self.hashing.matches(normal, stored, known_at=_known_at(guess))
        except Unavailable:
            await self.lock.unchecked(guess)
            raise
        if not guess.allowed:
            await self._note_refusal(account, self.book.email_index(email), visitor, "locked")
            raise guess.guess.refusal()
        if account is None or stored is None or not matched:
            await self._note_refusal(account, self.book.email_index(email), visitor)
            await self.lock.wrong(guess)
            raise Unauthenticated(
                "invalid_credentials", "The e-mail address or the password is not right."
            )
        if self.hashing.is_outdated(stored):
            await self._rehash(account, normal)
        try:
            return await self.grant(account, ("pwd",), visitor, device=device, guess=guess)
        except Unavailable:
            # The password was right: whoever tries on through an outage is not locked out by it.
            await self.lock.unchecked(guess)
            raise

    async def _begin_guess(
        self, email: EmailAddress, account: AccountRecord | None, device: Presented
    ) -> PasswordGuess:
        # The same look-ups whether or not there is an account.
        device_id = await self.devices.recognise(
            account.id if account else None, device.token, epoch=account.epoch if account else 0
        )
        # Once more, now that it is known whose device it is: before anything is counted for it.
        self.hashing.refuse_when_full(perhaps_known=device_id is not None)
        return await self.lock.begin(email, account, device_id)

    async def _rehash(self, account: AccountRecord, password: str) -> None:
        try:
            await self.book.rehash(account, await self.hashing.hash(password))
        except Unavailable:
            # The password was right. Its next use is as good a moment.
            _log.info("a hash of other settings was not replaced: too many wait for hashes")

    async def grant(
        self,
        account: AccountRecord,
        amr: tuple[str, ...],
        visitor: Visitor,
        *,
        device: Presented = NOTHING_PRESENTED,
        signs_up: bool = False,
        guess: PasswordGuess | None = None,
    ) -> SignedIn:
        """Grant a session for methods (RFC 8176 `amr` values) that were all verified.

        `account` is the record as read *before* verification: if its epoch has moved since, the
        session is void from the start. Whoever `signs_up` is told of no new device. `guess` was
        right, and no longer counts.
        """
        session_id = SessionId(self.world.new_id())
        refresh_token = self.keeping.refresh_tokens.issue(session_id, 0)
        if guess is not None:
            known = guess.device_id
        else:
            known = await self.devices.recognise(account.id, device.token, epoch=account.epoch)
        familiar = signs_up or known is not None
        is_new_device = not familiar and await self.new_device.is_new(account, visitor)
        session = self._new_session(account, session_id, refresh_token, amr, visitor)
        token, use = self._device_use(account, known, device, visitor)
        # Nobody wakes the ledger: the entry comes due later, when the sequencer looks by itself.
        await self.grants.add(
            Granted(
                event=self._event_of(account, session_id, amr, visitor),
                session=session,
                settled=guess.settled if guess else None,
                device=use,
                keep_devices=MOST_OF_AN_ACCOUNT,
            )
        )
        if is_new_device:
            await self.new_device.tell(account, visitor)
        owner = self.book.in_the_clear(account)
        return self.keeping.signed_in(session, refresh_token, owner, device_token=token)

    def _device_use(
        self, account: AccountRecord, known: bytes | None, shown: Presented, visitor: Visitor
    ) -> tuple[str | None, KnownDeviceRecord | DeviceUse | None]:
        """The token that a browser is to keep, and what the account is to know of it."""
        if not shown.keeps:
            return None, None
        if known is not None:
            return shown.token, self.devices.used_again(known, visitor)
        return self.devices.first_use(account.id, visitor, epoch=account.epoch)

    def _event_of(
        self,
        account: AccountRecord,
        session_id: SessionId,
        amr: tuple[str, ...],
        visitor: Visitor,
    ) -> EventRecord:
        now = self.world.now()
        method = " ".join(amr)
        entry = compose(
            Kind.SIGN_IN,
            {
                "owner": id_text(account.id),
                "session": id_text(session_id),
                "method": method,
            },
            ledger_key=self.book.ledger_key(account),
            nonce=self.world.random_bytes(_NONCE_BYTES),
            at=now,
        )
        return self.events.record(
            Happening(
                kind=EventKind.SIGN_IN,
                method=method,
                outcome=Outcome.GRANTED,
                visitor=visitor,
                account_id=account.id,
                session_id=session_id,
                entry=entry.entry,
                entry_due_at=now + self._log_delay(),
            )
        )

    async def _note_refusal(
        self,
        account: AccountRecord | None,
        subject_index: bytes | None,
        visitor: Visitor,
        reason: str = "invalid_credentials",
    ) -> None:
        await self.events.note(
            Happening(
                kind=EventKind.SIGN_IN,
                method="pwd",
                outcome=Outcome.REFUSED,
                visitor=visitor,
                account_id=account.id if account else None,
                subject_index=subject_index,
                reason=reason,
            )
        )

    def _new_session(
        self,
        account: AccountRecord,
        session_id: SessionId,
        refresh_token: str,
        amr: tuple[str, ...],
        visitor: Visitor,
    ) -> SessionRecord:
        now = self.world.now()
        lifetimes = self.keeping.lifetimes
        return SessionRecord(
            id=session_id,
            account_id=account.id,
            epoch=account.epoch,
            amr=" ".join(amr),
            created_at=now,
            last_used_at=now,
            idle_expires_at=min(now + lifetimes.idle, now + lifetimes.absolute),
            expires_at=now + lifetimes.absolute,
            generation=0,
            refresh_hash=digest(refresh_token),
            previous_hash=None,
            successor=None,
            rotated_at=None,
            ended_at=None,
            end_reason=None,
            visitor=self.keeping.seal_visitor(session_id, visitor),
        )

    def _log_delay(self) -> timedelta:
        # A sign-in seen from outside and an entry that appears at once would be one and the same.
        draw = int.from_bytes(self.world.random_bytes(4), "big")
        return timedelta(milliseconds=draw % _LONGEST_LOG_DELAY_MS)


def _known_at(guess: PasswordGuess) -> bytes | None:
    """The account that knows the device of a guess, and keeps a place unless that is locked."""
    if guess.account is None or guess.device_id is None or not guess.allowed:
        return None
    return guess.account.id
