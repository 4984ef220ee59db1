"""The mails table: a queue whose claims run out by themselves."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from chronicle.adapters.database.sqlite.engine import Engine, from_micros, to_micros
from chronicle.auth.ports import WaitingMail

_CLAIM = (
    "UPDATE mails SET due_at = ?, attempts = attempts + 1 WHERE id IN "
    "(SELECT id FROM mails WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at, id LIMIT ?) "
    "RETURNING id, sealed_content, attempts, created_at"
)
_FORGOTTEN_AT_ONCE = 10_000


class SqliteMails:
    """`auth.ports.MailQueue` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, mail: WaitingMail) -> None:
        """Store a mail that is due at once."""
        created_at = to_micros(mail.created_at)
        row = (mail.id, mail.content, mail.attempts, created_at, created_at)
        await self._engine.write(
            lambda db: db.execute(
                "INSERT INTO mails (id, state, sealed_content, attempts, created_at, due_at) "
                "VALUES (?, 'waiting', ?, ?, ?, ?)",
                row,
            )
        )

    async def claim(self, *, now: datetime, until: datetime, limit: int) -> Sequence[WaitingMail]:
        """Take mails that are due, so that nobody else gets them before `until`."""
        # A look first: most of the time nothing is due, and a write costs a sync to disk.
        if not self._engine.one(
            "SELECT 1 FROM mails WHERE state = 'waiting' AND due_at <= ?", (to_micros(now),)
        ):
            return []

        def take(db: sqlite3.Connection) -> list[WaitingMail]:
            rows = db.execute(_CLAIM, (to_micros(until), to_micros(now), limit)).fetchall()
            return [WaitingMail(row[0], row[1], row[2], from_micros(row[3])) for row in rows]

        return sorted(await self._engine.write(take), key=lambda mail: (mail.created_at, mail.id))

    async def mark_sent(self, mail: WaitingMail, *, now: datetime) -> bool:
        """Note that it left, and drop its content. True if the claim still stood."""
        return await self._finish(mail, "sent", None, now)

    async def put_off(self, mail: WaitingMail, *, reason: str, until: datetime) -> bool:
        """Let it wait for its next attempt. True if the claim still stood."""
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE mails SET due_at = ?, reason = ? "
                    "WHERE id = ? AND attempts = ? AND state = 'waiting'",
                    (to_micros(until), reason, mail.id, mail.attempts),
                ).rowcount
            )
        )
        return changed == 1

    async def give_up(self, mail: WaitingMail, *, reason: str, now: datetime) -> bool:
        """Note that it never left, and drop its content. True if the claim still stood."""
        return await self._finish(mail, "failed", reason, now)

    async def forget_done(self, *, before: datetime) -> int:
        """Drop the rows of mails that were sent or given up before a moment; how many."""
        micros = to_micros(before)
        return await self._engine.write(
            lambda db: (
                db.execute(
                    "DELETE FROM mails WHERE id IN "
                    f"(SELECT id FROM mails WHERE done_at < ? LIMIT {_FORGOTTEN_AT_ONCE})",
                    (micros,),
                ).rowcount
            )
        )

    async def _finish(
        self, mail: WaitingMail, state: str, reason: str | None, now: datetime
    ) -> bool:
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE mails SET state = ?, reason = ?, done_at = ?, sealed_content = NULL "
                    "WHERE id = ? AND attempts = ? AND state = 'waiting'",
                    (state, reason, to_micros(now), mail.id, mail.attempts),
                ).rowcount
            )
        )
        return changed == 1
