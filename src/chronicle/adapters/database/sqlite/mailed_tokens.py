"""The table of mailed tokens."""

import sqlite3
from datetime import datetime
from typing import Any

from chronicle.adapters.database.sqlite.engine import Engine, from_micros, to_micros
from chronicle.security.ports import MailedTokenRecord

_COLUMNS = "hash, purpose, account_id, epoch, expires_at"
_VALUES = "VALUES (?, ?, ?, ?, ?)"


class SqliteMailedTokens:
    """`security.ports.MailedTokens` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, record: MailedTokenRecord) -> None:
        """Store a new token."""
        await self._engine.write(
            lambda db: db.execute(f"INSERT INTO mailed_tokens ({_COLUMNS}) {_VALUES}", _row(record))
        )

    async def claim(self, record: MailedTokenRecord, *, now: datetime) -> bool:
        """Store a token as spent from the start; False if its hash is there already."""
        added = await self._engine.write(
            lambda db: (
                db.execute(
                    f"INSERT INTO mailed_tokens ({_COLUMNS}, spent_at) VALUES (?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (hash) DO NOTHING",
                    (*_row(record), to_micros(now)),
                ).rowcount
            )
        )
        return added == 1

    async def find(
        self, token_hash: bytes, *, purpose: str, now: datetime
    ) -> MailedTokenRecord | None:
        """A token that could be spent, as it is."""
        row = self._engine.one(
            f"SELECT {_COLUMNS} FROM mailed_tokens WHERE hash = ? AND purpose = ? "
            "AND spent_at IS NULL AND expires_at > ?",
            (token_hash, purpose, to_micros(now)),
        )
        return None if row is None else _record(row)

    async def spend(
        self, token_hash: bytes, *, purpose: str, now: datetime
    ) -> MailedTokenRecord | None:
        """Spend a token: the record, for the one call that did it."""
        micros = to_micros(now)

        def update(db: sqlite3.Connection) -> tuple[Any, ...] | None:
            row: tuple[Any, ...] | None = db.execute(
                "UPDATE mailed_tokens SET spent_at = ? WHERE hash = ? AND purpose = ? "
                f"AND spent_at IS NULL AND expires_at > ? RETURNING {_COLUMNS}",
                (micros, token_hash, purpose, micros),
            ).fetchone()
            return row

        row = await self._engine.write(update)
        return None if row is None else _record(row)

    async def forget(self, *, before: datetime) -> int:
        """Drop tokens that expired before a moment; how many."""
        return await self._engine.write(
            lambda db: (
                db.execute(
                    "DELETE FROM mailed_tokens WHERE expires_at < ?", (to_micros(before),)
                ).rowcount
            )
        )


def _row(record: MailedTokenRecord) -> tuple[Any, ...]:
    expires_at = to_micros(record.expires_at)
    return (record.hash, record.purpose, record.account_id, record.epoch, expires_at)


def _record(row: tuple[Any, ...]) -> MailedTokenRecord:
    return MailedTokenRecord(
        hash=row[0],
        purpose=row[1],
        account_id=row[2],
        epoch=row[3],
        expires_at=from_micros(row[4]),
    )
