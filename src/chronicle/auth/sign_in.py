"""Signing in. Whatever the method, a session is granted here and nowhere else.

So no method can forget what a sign-in owes: the security epoch read before verification, and the
event with its ledger entry, without which there is no session.

What a password came to is told to nobody, neither by the answer nor by how long it takes, before
the guess is counted or stored on the condition that no lock stands. A stranger's is counted as soon
as the hash is done, right or wrong, and nothing depends on what it is before that. One from a
device that the account knows needs a write less: what meets a lock then is answered alike, right or
wrong; else a wrong one is counted, and a right one is stored with its session, unless a lock began
since. Where something could not be stored they are counted first, like a stranger's, until one is.
"""

import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import NoReturn

from chronicle.auth.account_lock import AccountLock, PasswordGuess
from chronicle.auth.new_device import NewDeviceNotice, Strangeness
from chronicle.auth.passwords import PasswordHashing, normalize_password
from chronicle.auth.ports import Granted, Grants, SessionId, SessionRecord
from chronicle.auth.refresh_tokens import digest
from chronicle.auth.sessions import SessionKeeping, SignedIn
from chronicle.errors import Unauthenticated, Unavailable
from chronicle.ledger.entries import compose
from chronicle.ledger.kinds import Kind
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.guesses import Guess
from chronicle.security.known_devices import (
    MOST_OF_AN_ACCOUNT,
    NOTHING_PRESENTED,
    DeviceBook,
    DeviceToken,
    Presented,
)
from chronicle.security.ports import DeviceUse, EventRecord, KnownDeviceRecord
from chronicle.security.risk import (
    Assessment,
    Sign,
    assess,
    signs_of_a_known_device,
    signs_of_guessing,
)
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.emails import EmailAddress
from chronicle.users.ports import AccountRecord
from chronicle.world import World, id_text

_log = logging.getLogger(__name__)

_NONCE_BYTES = 16
_LONGEST_LOG_DELAY_MS = 2000
_LOCKED = "locked"
_FAMILIAR = Strangeness(is_to_be_told=False, signs=())


@dataclass(slots=True)
class _Storing:
    """Of this process: whether storing what a guess came to failed, and none was counted since."""

    failed: bool = False


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
    # Copies of this that `dataclasses.replace` makes share it.
    storing: _Storing = field(default_factory=_Storing)

    async def with_password(
        self,
        email: EmailAddress,
        password: str,
        visitor: Visitor,
        *,
        device: Presented = NOTHING_PRESENTED,
    ) -> SignedIn:
        """Sign in with address and password, perhaps from a device that the account knows.

        One hash is computed, the guess is counted and one event is noted whoever asks, so that
        unknown, known and locked accounts take alike; while it is locked, the right password is
        answered like a wrong one.

        Raises:
            Unauthenticated: `invalid_credentials`.
            TooMany: `too_many_attempts`: locked, whether or not there is an account.
            Unavailable: `overloaded`: the guess does not count; or it could not be stored: a right
                guess does not count, a wrong one may.
        """
        self.hashing.refuse_when_full(perhaps_known=device.token is not None)
        account = await self.book.find(email)
        stored = self.book.password_hash(account) if account else None
        normal = normalize_password(password)
        guess = await self._guess(email, account, device)
        matched = await self.hashing.matches(normal, stored, known_at=await self._known_at(guess))
        guess, standing = await self._stand(guess)
        if not standing.allowed:
            await self._refuse_locked(guess, standing, visitor)
        if account is None or stored is None or not matched:
            await self._refuse(guess, standing, visitor)
        signed_in = await self._admit(account, guess, standing, visitor, device)
        if self.hashing.is_outdated(stored):
            await self._rehash(account, normal)
        return signed_in

    async def _guess(
        self, email: EmailAddress, account: AccountRecord | None, device: Presented
    ) -> PasswordGuess:
        # The same look-ups whether or not there is an account.
        known = await self.devices.recognise(
            account.id if account else None, device.token, epoch=account.epoch if account else 0
        )
        # Once more, now that it is known whose device it is: before anything else is done for it.
        self.hashing.refuse_when_full(perhaps_known=known is not None)
        return self.lock.guess(email, account, known)

    async def _known_at(self, guess: PasswordGuess) -> bytes | None:
        """The account that knows the device, and keeps a place for it unless that is locked."""
        if guess.account is None or guess.device is None or not self.hashing.is_busy:
            return None
        return guess.account.id if (await self.lock.look(guess)).allowed else None

    async def _stand(self, guess: PasswordGuess) -> tuple[PasswordGuess, Guess]:
        """Whether a guess is let in: the same whatever the password was."""
        if guess.device is not None and not self.storing.failed:
            return guess, await self.lock.look(guess)
        standing = await self.lock.count(guess)
        self.storing.failed = False
        return replace(guess, counted=standing.allowed), standing

    async def _admit(
        self,
        account: AccountRecord,
        guess: PasswordGuess,
        standing: Guess,
        visitor: Visitor,
        device: Presented,
    ) -> SignedIn:
        """The password was right."""
        signs = signs_of_guessing(standing.failures - 1)
        try:
            return await self.grant(
                account, ("pwd",), visitor, device=device, guess=guess, signs=signs
            )
        except Unavailable:
            self.storing.failed = True
            # The password was right: whoever tries on through an outage is not locked out by it.
            await self.lock.give_back(guess)
            raise

    async def _refuse(self, guess: PasswordGuess, standing: Guess, visitor: Visitor) -> NoReturn:
        """The password was wrong."""
        if not guess.counted:
            try:
                standing = await self.lock.count(guess)
            except Unavailable:
                self.storing.failed = True
                raise
            if not standing.allowed:
                await self._refuse_locked(guess, standing, visitor)
        # First: a lock that began is told to its owner, whatever becomes of the event.
        await self.lock.wrong(guess, standing)
        await self._note_refusal(guess, visitor, "invalid_credentials")
        raise Unauthenticated(
            "invalid_credentials", "The e-mail address or the password is not right."
        )

    async def _refuse_locked(
        self, guess: PasswordGuess, standing: Guess, visitor: Visitor
    ) -> NoReturn:
        await self._note_refusal(guess, visitor, _LOCKED)
        raise standing.refusal()

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
        signs: tuple[Sign, ...] = (),
    ) -> SignedIn:
        """Grant a session for methods (RFC 8176 `amr` values) that were all verified.

        `account` is the record as read *before* verification: if its epoch has moved since, the
        session is void from the start. Whoever `signs_up` is told of no new device. `guess` was
        right: the count of them begins anew. What was unusual so far is told by its `signs`.

        Raises:
            TooMany: `too_many_attempts`: the guess met a lock; nothing was granted.
            Unavailable: it could not be stored.
        """
        session_id = SessionId(self.world.new_id())
        refresh_token = self.keeping.refresh_tokens.issue(session_id, 0)
        if guess is not None:
            known = guess.device
        else:
            known = await self.devices.recognise(account.id, device.token, epoch=account.epoch)
        strangeness = await self._strangeness(account, known, visitor, signs_up=signs_up)
        assessment = assess((*strangeness.signs, *signs))
        session = self._new_session(account, session_id, refresh_token, amr, visitor)
        token, use = self._device_use(account, known, device, visitor)
        right = guess.right() if guess else None
        # Nobody wakes the ledger: the entry comes due later, when the sequencer looks by itself.
        met = await self.grants.add(
            Granted(
                event=self._event_of(account, session_id, amr, visitor, assessment),
                session=session,
                guess=right,
                device=use,
                keep_devices=MOST_OF_AN_ACCOUNT,
            )
        )
        if guess is not None and right is not None and met is not None:
            await self._refuse_locked(guess, guess.guesses.refused(right, met), visitor)
        if strangeness.is_to_be_told:
            await self.new_device.tell(account, visitor)
        owner = self.book.in_the_clear(account)
        return self.keeping.signed_in(session, refresh_token, owner, device_token=token)

    async def _strangeness(
        self,
        account: AccountRecord,
        known: KnownDeviceRecord | None,
        visitor: Visitor,
        *,
        signs_up: bool,
    ) -> Strangeness:
        if signs_up:
            return _FAMILIAR
        if known is None:
            return await self.new_device.look(account, visitor)
        if visitor.place is None:
            return _FAMILIAR
        return Strangeness(
            is_to_be_told=False,
            signs=signs_of_a_known_device(visitor, self.devices.last_visitor(known)),
        )

    def _device_use(
        self,
        account: AccountRecord,
        known: KnownDeviceRecord | None,
        shown: Presented,
        visitor: Visitor,
    ) -> tuple[DeviceToken | None, KnownDeviceRecord | DeviceUse | None]:
        """The token that a browser is to keep, and what the account is to know of it."""
        if not shown.keeps:
            return None, None
        if known is not None:
            return shown.token, self.devices.used_again(known.id, visitor)
        return self.devices.first_use(account.id, visitor, epoch=account.epoch)

    def _event_of(
        self,
        account: AccountRecord,
        session_id: SessionId,
        amr: tuple[str, ...],
        visitor: Visitor,
        assessment: Assessment,
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
                assessment=assessment,
            )
        )

    async def _note_refusal(self, guess: PasswordGuess, visitor: Visitor, reason: str) -> None:
        signs = () if guess.device is not None else (Sign.UNKNOWN_DEVICE,)
        if reason == _LOCKED:
            signs = (*signs, Sign.MANY_WRONG_PASSWORDS)
        await self.events.note(
            Happening(
                kind=EventKind.SIGN_IN,
                method="pwd",
                outcome=Outcome.REFUSED,
                visitor=visitor,
                account_id=guess.account.id if guess.account else None,
                subject_index=self.book.email_index(guess.email),
                reason=reason,
                assessment=assess(signs),
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
