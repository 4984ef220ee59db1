"""The sessions table."""

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
from chronicle.auth.ports import Rotation, SessionId, SessionRecord
from chronicle.users.ports import AccountId, ProfileRecord

COLUMNS = (
    "id, account_id, epoch, amr, created_at, last_used_at, idle_expires_at, expires_at, "
    "generation, refresh_hash, previous_hash, sealed_successor, rotated_at, ended_at, "
    "end_reason, sealed_visitor"
)

OWNER_COLUMNS = (
    "a.id, a.sealed_email, a.email_verified, a.sealed_name, a.sealed_locale, "
    "a.sealed_timezone, a.epoch, a.created_at, a.updated_at"
)
_OF_A_LIVE_ACCOUNT = "JOIN accounts a ON a.id = s.account_id"
_LIVE = "s.ended_at IS NULL AND s.epoch = a.epoch AND s.idle_expires_at > ?1 AND s.expires_at > ?2"
_INSERT = f"INSERT INTO sessions ({COLUMNS}) VALUES ({','.join('?' * 16)})"
_FORGOTTEN_AT_ONCE = 10_000

# On the path of every signed-in call: one text, so that SQLite's compiled statement is found.
_LIVE_OWNER = (
    f"SELECT {OWNER_COLUMNS} FROM sessions s {_OF_A_LIVE_ACCOUNT} WHERE s.id = ?3 AND {_LIVE}"
)
_SESSION_COLUMNS = ", ".join(f"s.{name}" for name in COLUMNS.split(", "))
_ALL_LIVE = (
    f"SELECT {_SESSION_COLUMNS} FROM sessions s {_OF_A_LIVE_ACCOUNT} "
    f"WHERE s.account_id = ?3 AND {_LIVE}"
)
_NEWEST = "ORDER BY s.id DESC LIMIT ?4"
LIVE_OF = f"{_ALL_LIVE} {_NEWEST}"
_LIVE_BEFORE = f"{_ALL_LIVE} AND s.id < ?5 {_NEWEST}"


class SqliteSessions:
    """`auth.ports.Sessions` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, record: SessionRecord) -> None:
        """Store a new session."""
        await self._engine.write(partial(insert_session, record=record))

    async def get(self, session_id: SessionId) -> SessionRecord | None:
        """The session, ended or not, or None."""
        row = self._engine.one(f"SELECT {COLUMNS} FROM sessions WHERE id = ?", (session_id,))
        return None if row is None else from_row(row)

    async def live_of(
        self, account_id: AccountId, *, now: datetime, before: bytes | None, limit: int
    ) -> Sequence[SessionRecord]:
        """An account's live sessions, newest first, from below `before`."""
        micros, below = to_micros(now), before or b"\xff" * 17
        rows = self._engine.all(_LIVE_BEFORE, (micros, micros, account_id, limit, below))
        return [from_row(row) for row in rows]

    async def live_owner(self, session_id: SessionId, *, now: datetime) -> ProfileRecord | None:
        """Whose session it is, if it has not ended or expired, nor the account's epoch moved."""
        micros = to_micros(now)
        row = self._engine.one(_LIVE_OWNER, (micros, micros, session_id))
        return None if row is None else owner(row)

    async def rotate(self, session_id: SessionId, rotation: Rotation) -> bool:
        """Apply a rotation if `previous_hash` is still the current token's and it has not ended."""
        rotated_at = to_micros(rotation.rotated_at)
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE sessions SET generation = generation + 1, refresh_hash = ?, "
                    "previous_hash = ?, sealed_successor = ?, rotated_at = ?, last_used_at = ?, "
                    "idle_expires_at = ? WHERE id = ? AND refresh_hash = ? AND ended_at IS NULL",
                    (
                        rotation.refresh_hash,
                        rotation.previous_hash,
                        rotation.successor,
                        rotated_at,
                        rotated_at,
                        to_micros(rotation.idle_expires_at),
                        session_id,
                        rotation.previous_hash,
                    ),
                ).rowcount
            )
        )
        return changed == 1

    async def carry_over(self, session_id: SessionId, *, seen_epoch: int, epoch: int) -> None:
        """Give a session that has not ended, nor is of another epoch, a new one."""
        await self._engine.write(
            lambda db: db.execute(
                "UPDATE sessions SET epoch = ? WHERE id = ? AND epoch = ? AND ended_at IS NULL",
                (epoch, session_id, seen_epoch),
            )
        )

    async def end(self, session_id: SessionId, *, reason: str, now: datetime) -> bool:
        """End it. True if this call did."""
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE sessions SET ended_at = ?, end_reason = ?, sealed_successor = NULL "
                    "WHERE id = ? AND ended_at IS NULL",
                    (to_micros(now), reason, session_id),
                ).rowcount
            )
        )
        return changed == 1

    async def forget_successors(self, *, rotated_before: datetime) -> int:
        """Drop the sealed successors of older rotations; how many."""
        micros = to_micros(rotated_before)
        if not self._engine.one(
            "SELECT 1 FROM sessions WHERE sealed_successor IS NOT NULL AND rotated_at < ?",
            (micros,),
        ):
            return 0
        return await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE sessions SET sealed_successor = NULL "
                    "WHERE sealed_successor IS NOT NULL AND rotated_at < ?",
                    (micros,),
                ).rowcount
            )
        )

    async def forget(self, *, before: datetime) -> int:
        """Drop sessions that expired for good before a moment, some at a time; how many."""
        micros = to_micros(before)
        return await self._engine.write(
            lambda db: (
                db.execute(
                    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions "
                    f"WHERE expires_at < ? LIMIT {_FORGOTTEN_AT_ONCE})",
                    (micros,),
                ).rowcount
            )
        )


def owner(row: tuple[Any, ...]) -> ProfileRecord:
    """A profile from its `OWNER_COLUMNS`."""
    return ProfileRecord(
        id=row[0],
        email=row[1],
        email_verified=bool(row[2]),
        name=row[3],
        locale=row[4],
        timezone=row[5],
        epoch=row[6],
        created_at=from_micros(row[7]),
        updated_at=from_micros(row[8]),
    )


def insert_session(db: sqlite3.Connection, record: SessionRecord) -> None:
    """Store a new session, in whatever transaction this is."""
    db.execute(_INSERT, _to_row(record))


def _to_row(record: SessionRecord) -> tuple[Any, ...]:
    return (
        record.id,
        record.account_id,
        record.epoch,
        record.amr,
        to_micros(record.created_at),
        to_micros(record.last_used_at),
        to_micros(record.idle_expires_at),
        to_micros(record.expires_at),
        record.generation,
        record.refresh_hash,
        record.previous_hash,
        record.successor,
        optional_micros(record.rotated_at),
        optional_micros(record.ended_at),
        record.end_reason,
        record.visitor,
    )


def from_row(row: tuple[Any, ...]) -> SessionRecord:
    """A session from its `COLUMNS`."""
    return SessionRecord(
        id=row[0],
        account_id=row[1],
        epoch=row[2],
        amr=row[3],
        created_at=from_micros(row[4]),
        last_used_at=from_micros(row[5]),
        idle_expires_at=from_micros(row[6]),
        expires_at=from_micros(row[7]),
        generation=row[8],
        refresh_hash=row[9],
        previous_hash=row[10],
        successor=row[11],
        rotated_at=optional_moment(row[12]),
        ended_at=optional_moment(row[13]),
        end_reason=row[14],
        visitor=row[15],
    )
