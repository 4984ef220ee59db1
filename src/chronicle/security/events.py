"""Security events: every sign-in, granted or refused, and every change of a credential.

Their owner sees them. The address and the device are sealed. Only what was granted becomes an
entry in the ledger: what strangers try must neither grow it nor show in it who exists.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile

import msgspec

from chronicle.security.cursors import Cursors
from chronicle.security.encryption import BlindIndex, FieldCipher, SealBroken
from chronicle.security.ports import EventRecord, Events
from chronicle.security.risk import Assessment
from chronicle.security.visitors import Visitor
from chronicle.world import World

_log = logging.getLogger(__name__)

_TABLE = "events"
_RECENT = 50


class EventKind(StrEnum):
    """What happened."""

    SIGN_IN = "sign_in"
    SESSION_REPLAYED = "session_replayed"
    PASSWORD_CHANGE = "password_change"
    EMAIL_VERIFIED = "email_verified"
    EMAIL_CHANGE = "email_change"
    REPORTED = "reported"


class Outcome(StrEnum):
    """How it ended."""

    GRANTED = "granted"
    REFUSED = "refused"


class _Seen(Visitor, frozen=True):
    """What is sealed of an event: who was at the other end, and how unusual that was."""

    risk: str | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Happening:
    """What is to be noted. `subject_index` stands for an address without an account."""

    kind: EventKind
    method: str
    outcome: Outcome
    visitor: Visitor
    account_id: bytes | None = None
    subject_index: bytes | None = None
    reason: str | None = None
    session_id: bytes | None = None
    entry: bytes | None = None
    entry_due_at: datetime | None = None
    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """An event in the clear. `index` is its entry's place in the ledger, when it has one.

    `risk` is None where nothing was assessed.
    """

    id: bytes
    kind: str
    method: str
    outcome: str
    reason: str | None
    session_id: bytes | None
    visitor: Visitor
    risk: str | None
    why: tuple[str, ...]
    created_at: datetime
    entry: bytes | None
    index: int | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, newest first, and the cursor behind them, if there are more."""

    events: list[SecurityEvent]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class EventLog:
    """Notes events, and shows an account its own."""

    events: Events
    cipher: FieldCipher
    index: BlindIndex
    cursors: Cursors
    world: World

    async def note(self, happening: Happening) -> None:
        """Store an event; durable on return. Unavailable when it can't be."""
        await self.events.add(self.record(happening))

    def record(self, happening: Happening) -> EventRecord:
        """An event as it is to be stored."""
        event_id = self.world.new_id()
        return EventRecord(
            id=event_id,
            account_id=happening.account_id,
            subject_index=happening.subject_index,
            kind=happening.kind,
            method=happening.method,
            outcome=happening.outcome,
            reason=happening.reason,
            session_id=happening.session_id,
            visitor=self.cipher.seal(
                msgspec.msgpack.encode(_seen(happening)),
                table=_TABLE,
                record=event_id,
                field="visitor",
            ),
            address_index=self.index.of(happening.visitor.address, column="events.address"),
            created_at=self.world.now(),
            entry=happening.entry,
            entry_due_at=happening.entry_due_at,
            entry_index=None,
        )

    async def page(self, account_id: bytes, *, cursor: str | None, limit: int) -> EventPage:
        """An account's events, newest first.

        Raises:
            Rejected: `invalid_cursor`.
        """
        before = None if cursor is None else self.cursors.decode(_TABLE, cursor)
        records = await self.events.page(account_id, before=before, limit=limit + 1)
        return self.first_of(records, limit)

    def first_of(self, records: Sequence[EventRecord], limit: int) -> EventPage:
        """At most `limit` of these events, newest first, in the clear."""
        shown, next_cursor = self.cursors.cut(_TABLE, records, limit)
        return EventPage([self._in_the_clear(record) for record in shown], next_cursor)

    async def recent_visitors(self, account_id: bytes) -> list[Visitor]:
        """Who was granted a sign-in lately, newest first; nobody from before a report.

        Refusals don't count: strangers could push everything else out with them. What can't be
        read is logged and left out: it makes a device look new, and keeps nobody out.
        """
        records = await self.events.granted(account_id, limit=_RECENT)
        since_report = takewhile(lambda record: record.kind != EventKind.REPORTED, records)
        visitors: list[Visitor] = []
        unread: list[str] = []
        for record in since_report:
            if record.kind != EventKind.SIGN_IN:
                continue
            try:
                visitors.append(self._in_the_clear(record).visitor)
            except (SealBroken, msgspec.DecodeError) as error:
                unread.append(str(error))
        if unread:
            _log.error(
                "some of an account's latest sign-ins can't be read",
                extra={"unread": len(unread), "why": unread[0]},
            )
        return visitors

    async def forget_old(self, keep: timedelta) -> int:
        """Drop events that are older than `keep`; how many."""
        return await self.events.forget(before=self.world.now() - keep)

    def _in_the_clear(self, record: EventRecord) -> SecurityEvent:
        plain = self.cipher.open(record.visitor, table=_TABLE, record=record.id, field="visitor")
        seen = msgspec.msgpack.decode(plain, type=_Seen)
        return SecurityEvent(
            id=record.id,
            kind=record.kind,
            method=record.method,
            outcome=record.outcome,
            reason=record.reason,
            session_id=record.session_id,
            visitor=Visitor(seen.address, seen.agent, seen.place),
            risk=seen.risk,
            why=seen.why,
            created_at=record.created_at,
            entry=record.entry,
            index=record.entry_index,
        )


def _seen(happening: Happening) -> _Seen:
    visitor, assessed = happening.visitor, happening.assessment
    if assessed is None:
        return _Seen(visitor.address, visitor.agent, visitor.place)
    return _Seen(visitor.address, visitor.agent, visitor.place, assessed.risk, assessed.why)
