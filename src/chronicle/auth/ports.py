"""What signing in needs of the world: sessions, short-lived tickets, and mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

from chronicle.users.ports import AccountId

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
        """Store a new session; durable on return."""

    async def get(self, session_id: SessionId) -> SessionRecord | None:
        """The session, ended or not, or None."""

    async def live_of(self, account_id: AccountId, *, now: datetime) -> Sequence[SessionRecord]:
        """An account's sessions for which `is_live` holds, newest first; at most 200."""

    async def is_live(self, session_id: SessionId, *, now: datetime) -> bool:
        """Whether it has not ended or expired, and its account's epoch has not moved since."""

    async def rotate(self, session_id: SessionId, rotation: Rotation) -> bool:
        """Apply a rotation if `previous_hash` is still the current token's and it has not ended.

        True if this call did it, and then the generation grew by one: of any number of racing
        calls, one. Durable when True.
        """

    async def carry_over(self, session_id: SessionId, *, epoch: int) -> None:
        """Give a session that has not ended another epoch, so that it outlives a change."""

    async def end(self, session_id: SessionId, *, reason: str, now: datetime) -> bool:
        """End it. True if this call did; False if it had ended or never was. Durable on return."""

    async def forget_successors(self, *, rotated_before: datetime) -> int:
        """Drop the sealed successors of older rotations; how many."""


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

    async def put(self, ticket: Ticket) -> None:
        """Store a new ticket."""

    async def guess(
        self, key: bytes, code_mac: bytes, *, now: datetime
    ) -> tuple[bool, bytes] | None:
        """Spend one guess: (was it right, the content); None without such a ticket or guesses.

        One atomic step: of any number of racing guesses, no more than the budget are answered.
        """

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
class KeptMail:
    """A message as the development outbox shows it; `id` is its file's name."""

    id: str
    to: str
    subject: str
    date: datetime
    text: str


class Outbox(Protocol):
    """A mailer that keeps what was sent where a developer can read it."""

    async def newest(self, limit: int) -> Sequence[KeptMail]:
        """The newest messages first."""
