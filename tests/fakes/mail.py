"""A mail queue and a transport in memory, with switches that make them fail."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chronicle.auth.ports import Mail, WaitingMail
from chronicle.errors import Unavailable


@dataclass
class Row:
    """What the queue knows of one mail."""

    mail: WaitingMail
    due_at: datetime
    state: str = "waiting"
    reason: str | None = None
    done_at: datetime | None = None


class InMemoryMails:
    """`auth.ports.MailQueue`.

    With `down`, every call fails and changes nothing; with `reply_lost`, writes are done and fail
    nevertheless.
    """

    def __init__(self) -> None:
        self.rows: dict[bytes, Row] = {}
        self.down = False
        self.reply_lost = False
        self.refused = asyncio.Event()

    async def add(self, mail: WaitingMail) -> None:
        self._fail_if_down()
        self.rows[mail.id] = Row(mail, mail.created_at)
        self._lose_reply()

    async def claim(self, *, now: datetime, until: datetime, limit: int) -> Sequence[WaitingMail]:
        self._fail_if_down()
        due = [row for row in self.rows.values() if row.state == "waiting" and row.due_at <= now]
        due.sort(key=lambda row: (row.due_at, row.mail.id))
        for row in due[:limit]:
            row.due_at = until
            row.mail = replace(row.mail, attempts=row.mail.attempts + 1)
        self._lose_reply()
        return sorted((row.mail for row in due[:limit]), key=lambda one: (one.created_at, one.id))

    async def mark_sent(self, mail: WaitingMail, *, now: datetime) -> bool:
        return self._change(mail, state="sent", reason=None, done_at=now)

    async def put_off(self, mail: WaitingMail, *, reason: str, until: datetime) -> bool:
        return self._change(mail, reason=reason, due_at=until)

    async def give_up(self, mail: WaitingMail, *, reason: str, now: datetime) -> bool:
        return self._change(mail, state="failed", reason=reason, done_at=now)

    async def forget_done(self, *, before: datetime) -> int:
        self._fail_if_down()
        old = [key for key, row in self.rows.items() if row.done_at and row.done_at < before]
        for key in old:
            del self.rows[key]
        self._lose_reply()
        return len(old)

    def _change(self, mail: WaitingMail, **changes: object) -> bool:
        self._fail_if_down()
        row = self.rows.get(mail.id)
        if row is None or row.state != "waiting" or row.mail.attempts != mail.attempts:
            return False
        for name, value in changes.items():
            setattr(row, name, value)
        self._lose_reply()
        return True

    def _fail_if_down(self) -> None:
        if self.down:
            self.refused.set()
            raise Unavailable

    def _lose_reply(self) -> None:
        if self.reply_lost:
            raise Unavailable


class ScriptedTransport:
    """`auth.ports.MailTransport`: takes everything, after the failures that it was told.

    `delivered` is what it took; `taken_then_lost` makes it take a mail and die of it.
    """

    def __init__(self) -> None:
        self.delivered: list[tuple[UUID, Mail]] = []
        self.attempts: list[UUID] = []
        self.failures: deque[BaseException] = deque()
        self.down: BaseException | None = None
        self.taken_then_lost: BaseException | None = None
        self.holds: asyncio.Event | None = None
        self.tried = asyncio.Event()

    async def deliver(self, mail: Mail, *, key: UUID, written_at: datetime) -> None:
        self.attempts.append(key)
        self.tried.set()
        if self.holds is not None:
            await self.holds.wait()
        if self.failures:
            raise self.failures.popleft()
        if self.down is not None:
            raise self.down
        self.delivered.append((key, mail))
        if self.taken_then_lost is not None:
            raise self.taken_then_lost
