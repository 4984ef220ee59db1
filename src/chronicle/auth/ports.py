"""What signing in needs of the world: sessions, short-lived tickets, and mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType, Protocol
from uuid import UUID

from chronicle.security.ports import (
    DeviceUse,
    EventRecord,
    GuessCount,
    KnownDeviceRecord,
    RightGuess,
)
from chronicle.users.ports import AccountId, ProfileRecord

SessionId = NewType("SessionId", bytes)
"""A UUIDv7 as its 16 bytes. Shown to the owner; good for nothing as a token."""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One signed-in device.

    `generation` counts rotations of the refresh token. `refresh_hash` is the SHA-256 of the token
    that is good now, `previous_hash` that of the one before; `successor` seals the current token
    for the seconds in which a client that races itself may ask for it again. `epoch` is the
    account's security epoch as read before the credentials were verified. `visitor` seals the
    address and the device that signed in.
    """

    id: SessionId
    account_id: AccountId
    epoch: int
    amr: str
    created_at: datetime
    last_used_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    generation: int
    refresh_hash: bytes
    previous_hash: bytes | None
    successor: bytes | None
    rotated_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    visitor: bytes


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation changes in a session."""

    refresh_hash: bytes
    previous_hash: bytes
    successor: bytes
    rotated_at: datetime
    idle_expires_at: datetime


class Sessions(Protocol):
    """The sessions table."""

    async def add(self, record: SessionRecord) -> None:
        """Store a new session; durable on return. A part of what `Grants` does."""

    async def get(self, session_id: SessionId) -> SessionRecord | None:
        """The session, ended or not, or None."""

    async def live_of(
        self, account_id: AccountId, *, now: datetime, before: bytes | None, limit: int
    ) -> Sequence[SessionRecord]:
        """An account's sessions that have a `live_owner`, newest first, from below `before`."""

    async def live_owner(self, session_id: SessionId, *, now: datetime) -> ProfileRecord | None:
        """Whose session it is; None if it ended, expired, or never was.

        It is also over when the account's epoch has moved since. Session and account are as they
        stood at one moment: every signed-in call begins with this read, and most need no other.
        """

    async def rotate(self, session_id: SessionId, rotation: Rotation) -> bool:
        """Apply a rotation if `previous_hash` is still the current token's and it has not ended.

        True if this call did it, and then the generation grew by one: of any number of racing
        calls, one. Durable when True.
        """

    async def carry_over(self, session_id: SessionId, *, seen_epoch: int, epoch: int) -> None:
        """Give a session another epoch, so that it outlives a change.

        Only one that has not ended, by itself or with an epoch other than `seen_epoch`.
        """

    async def end(self, session_id: SessionId, *, reason: str, now: datetime) -> bool:
        """End it. True if this call did; False if it had ended or never was. Durable on return."""

    async def forget_successors(self, *, rotated_before: datetime) -> int:
        """Drop the sealed successors of older rotations; how many."""

    async def forget(self, *, before: datetime) -> int:
        """Drop sessions that expired for good before a moment, some at a time; how many."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a granted sign-in leaves behind.

    `guess` is the one that it rests on, if any: where that meets a lock, nothing is left behind.
    `device` is one that is known from now on, of which the account keeps the `keep_devices` last
    used ones, or one that was known before.
    """

    event: EventRecord
    session: SessionRecord
    guess: RightGuess | None = None
    device: KnownDeviceRecord | DeviceUse | None = None
    keep_devices: int = 0


class Grants(Protocol):
    """All that a sign-in leaves, in one call: `auth/sign_in.py` begins sessions so and not else."""

    async def add(self, granted: Granted) -> GuessCount | None:
        """Store all of it, durable on return; or nothing, and answer the lock that its guess met.

        With a right guess the count begins anew; one that is not counted comes through only where
        the rule lets it in, whoever else counts at that moment. No session ever stands without its
        event. In one write where the database has such; else what fails half way can leave an
        event without a session, which harms nobody, or a session that nobody was given the tokens
        of. A device that could not be stored is no failure there: it loses a convenience.
        """


@dataclass(frozen=True, slots=True)
class Ticket:
    """A half-finished step, kept for minutes. `content` is sealed; the code only as its MAC."""

    key: bytes
    content: bytes
    code_mac: bytes
    guesses: int
    expires_at: datetime
    resend_at: datetime


class Tickets(Protocol):
    """Tickets in shared state, gone after they expire. Losing them all loses no account.

    Every method raises Unavailable when the shared state does not answer in time.
    """

    async def put(self, ticket: Ticket, *, now: datetime) -> None:
        """Store a new ticket, for the time from `now` to its expiry, whatever the time is there."""

    async def guess(
        self, key: bytes, code_mac: bytes, *, now: datetime
    ) -> tuple[bool, bytes] | None:
        """Spend one guess: (was it right, the content); None without such a ticket or guesses.

        One atomic step: of any number of racing guesses, no more than the budget are answered.
        """

    async def look(self, key: bytes, *, now: datetime) -> tuple[bytes, datetime] | None:
        """The content, and from when on it can be renewed; None without such a ticket."""

    async def renew(
        self,
        key: bytes,
        code_mac: bytes,
        *,
        now: datetime,
        expires_at: datetime,
        resend_at: datetime,
    ) -> bytes | datetime | None:
        """Replace the code, the guesses left kept, and answer the content.

        Answers when it may be asked for again if that is too soon (nothing changed then), and
        None without such a ticket.
        """

    async def drop(self, key: bytes) -> None:
        """Forget a ticket; no error when there is none."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one address, in plain text and in HTML that says the same.

    One that is `void` is kept like any other and then delivered to nobody: so an address without
    an account costs the same as one that has one.
    """

    to: str
    subject: str
    text: str
    html: str
    void: bool = False


class Mailer(Protocol):
    """A way for mail to leave."""

    async def send(self, mail: Mail) -> None:
        """Hand the message over; it is safe when this returns. Unavailable if it was not."""


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """A mail on its way out. `id` is a UUIDv7, `content` is sealed.

    `attempts` counts the claims so far, and so tells this claim from every other.
    """

    id: bytes
    content: bytes
    attempts: int
    created_at: datetime


class MailQueue(Protocol):
    """The mails table: at least once, in the order in which they are due.

    Every write is one conditional write and durable on return, and raises Unavailable when nothing
    was stored. Finishing a mail is refused (False) once its claim ran out and somebody else holds
    it, or it is done already; so it is safe to do twice.
    """

    async def add(self, mail: WaitingMail) -> None:
        """Store a mail that is due at once."""

    async def claim(self, *, now: datetime, until: datetime, limit: int) -> Sequence[WaitingMail]:
        """Take the mails that have been due longest, oldest first, each with its attempt counted.

        Of any number of racing calls one gets a mail; nobody else does before `until`, and then
        it is due again, unless it was finished.
        """

    async def mark_sent(self, mail: WaitingMail, *, now: datetime) -> bool:
        """Note that it left, and drop its content. True if the claim still stood."""

    async def put_off(self, mail: WaitingMail, *, reason: str, until: datetime) -> bool:
        """Let it wait for its next attempt. True if the claim still stood."""

    async def give_up(self, mail: WaitingMail, *, reason: str, now: datetime) -> bool:
        """Note that it never left, and drop its content. True if the claim still stood."""

    async def forget_done(self, *, before: datetime) -> int:
        """Drop what is left of mails that were sent or given up before a moment; how many."""


class MailTrouble(Exception):
    """A mail did not leave. `reason` is for logs: it holds no address and nothing of the mail."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class MailDelayed(MailTrouble):
    """It may leave later; no mail will before `pause`, where that is known."""

    def __init__(self, reason: str, *, pause: timedelta | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class MailRefused(MailTrouble):
    """It will never be taken."""


class MailerMisconfigured(MailTrouble):
    """No mail will be taken before the operator has put something right."""


class MailTransport(Protocol):
    """What takes mail to its addressee, or to whoever does."""

    async def deliver(self, mail: Mail, *, key: UUID, written_at: datetime) -> None:
        """Hand over one mail; it was taken when this returns.

        The same key is the same mail, handed over again after an attempt whose end is not known.
        It stands in the message (`Message-ID`), or is given to whoever can tell by it. The caller
        limits how long it may last; cancelled, it may or may not have been taken.

        Raises:
            MailDelayed: not now, or its end is not known.
            MailRefused: never.
            MailerMisconfigured: not before the operator acts.
        """


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A message as the development outbox shows it; `id` is its file's name."""

    id: str
    to: str
    subject: str
    date: datetime
    text: str


class Outbox(Protocol):
    """A transport that keeps what was sent where a developer can read it."""

    async def newest(self, limit: int) -> Sequence[KeptMail]:
        """The newest messages first."""


class BreachedPasswords(Protocol):
    """Passwords that data breaches have shown."""

    async def contains(self, password: str) -> bool:
        """Whether a normalised password is among them, as far as is known.

        Answers within about a second or raises Unavailable. Neither the password nor anything
        that it could be told by leaves the process.
        """
