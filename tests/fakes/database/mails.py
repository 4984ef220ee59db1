"""The mails table."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chronicle.auth.ports import WaitingMail
from tests.fakes.database.rows import MailRow, MemoryDatabase, refuse_second
from tests.fakes.faults import Faults, step


class InMemoryMails:
    """`auth.ports.MailQueue`."""

    label = "mails"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.rows = database.mails

    @step
    def add(self, mail: WaitingMail) -> None:
        refuse_second(self.rows, mail.id)
        self.rows[mail.id] = MailRow(mail, mail.created_at)

    @step
    def claim(self, *, now: datetime, until: datetime, limit: int) -> Sequence[WaitingMail]:
        due = [row for row in self.rows.values() if row.state == "waiting" and row.due_at <= now]
        due.sort(key=lambda row: (row.due_at, row.mail.id))
        for row in due[:limit]:
            row.due_at = until
            row.mail = replace(row.mail, attempts=row.mail.attempts + 1)
        return sorted((row.mail for row in due[:limit]), key=lambda one: (one.created_at, one.id))

    @step
    def mark_sent(self, mail: WaitingMail, *, now: datetime) -> bool:
        return self._finish(mail, "sent", None, now)

    @step
    def put_off(self, mail: WaitingMail, *, reason: str, until: datetime) -> bool:
        row = self._claimed(mail)
        if row is None:
            return False
        row.reason, row.due_at = reason, until
        return True

    @step
    def give_up(self, mail: WaitingMail, *, reason: str, now: datetime) -> bool:
        return self._finish(mail, "failed", reason, now)

    @step
    def forget_done(self, *, before: datetime) -> int:
        old = [key for key, row in self.rows.items() if row.done_at and row.done_at < before]
        for key in old:
            del self.rows[key]
        return len(old)

    def _claimed(self, mail: WaitingMail) -> MailRow | None:
        row = self.rows.get(mail.id)
        stands = row and row.state == "waiting" and row.mail.attempts == mail.attempts
        return row if stands else None

    def _finish(self, mail: WaitingMail, state: str, reason: str | None, now: datetime) -> bool:
        row = self._claimed(mail)
        if row is None:
            return False
        row.state, row.reason, row.done_at = state, reason, now
        row.mail = replace(row.mail, content=b"")
        return True
