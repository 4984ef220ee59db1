"""The events table, and its rows as a source of ledger entries."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from chronicle.adapters.database.sqlite.engine import (
    Engine,
    from_micros,
    optional_micros,
    optional_moment,
    to_micros,
)
from chronicle.adapters.database.sqlite.entries import EntryColumns
from chronicle.security.ports import EventRecord

COLUMNS = (
    "id, account_id, subject_index, kind, method, outcome, reason, session_id, sealed_visitor, "
    "address_index, created_at, entry, entry_due_at, entry_index"
)
_INSERT = f"INSERT INTO events ({COLUMNS}) VALUES ({','.join('?' * 14)})"
_FORGOTTEN_AT_ONCE = 10_000


class SqliteEvents(EntryColumns):
    """`security.ports.Events` and `ledger.ports.EntrySource` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, table="events", order="entry_due_at", waits=True)

    async def add(self, record: EventRecord) -> None:
        """Store one event, with its ledger entry in the same write."""
        await self._engine.write(partial(insert_event, record=record))

    async def page(
        self, account_id: bytes, *, before: bytes | None, limit: int
    ) -> Sequence[EventRecord]:
        """An account's events, newest first, from below `before`."""
        rows = self._engine.all(
            f"SELECT {COLUMNS} FROM events WHERE account_id = ? AND id < ? "
            "ORDER BY id DESC LIMIT ?",
            (account_id, before or b"\xff" * 17, limit),
        )
        return [from_row(row) for row in rows]

    async def granted(self, account_id: bytes, *, limit: int) -> Sequence[EventRecord]:
        """The newest of an account's events that were granted."""
        rows = self._engine.all(
            f"SELECT {COLUMNS} FROM events WHERE account_id = ? AND outcome = 'granted' "
            "ORDER BY id DESC LIMIT ?",
            (account_id, limit),
        )
        return [from_row(row) for row in rows]

    async def forget(self, *, before: datetime) -> int:
        """Drop events from before a moment, unless their entry still waits for the ledger."""
        micros = to_micros(before)
        return await self._engine.write(
            lambda db: (
                db.execute(
                    "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE created_at < ? "
                    f"AND (entry IS NULL OR entry_index IS NOT NULL) LIMIT {_FORGOTTEN_AT_ONCE})",
                    (micros,),
                ).rowcount
            )
        )


def insert_event(db: sqlite3.Connection, record: EventRecord) -> None:
    """Store one event, in whatever transaction this is."""
    row = (
        record.id,
        record.account_id,
        record.subject_index,
        record.kind,
        record.method,
        record.outcome,
        record.reason,
        record.session_id,
        record.visitor,
        record.address_index,
        to_micros(record.created_at),
        record.entry,
        optional_micros(record.entry_due_at),
        record.entry_index,
    )
    db.execute(_INSERT, row)


def from_row(row: tuple[Any, ...]) -> EventRecord:
    """An event from its `COLUMNS`."""
    return EventRecord(
        id=row[0],
        account_id=row[1],
        subject_index=row[2],
        kind=row[3],
        method=row[4],
        outcome=row[5],
        reason=row[6],
        session_id=row[7],
        visitor=row[8],
        address_index=row[9],
        created_at=from_micros(row[10]),
        entry=row[11],
        entry_due_at=optional_moment(row[12]),
        entry_index=row[13],
    )
