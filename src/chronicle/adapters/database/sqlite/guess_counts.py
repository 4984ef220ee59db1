"""The table of guesses."""

import sqlite3
from datetime import datetime
from typing import Any

from chronicle.adapters.database.sqlite.engine import (
    Engine,
    from_micros,
    optional_micros,
    optional_moment,
    to_micros,
)
from chronicle.security.ports import CountingRule, GuessCount

_SELECT = (
    "SELECT failures, last_at, locked_until FROM guess_counts WHERE purpose = ? AND subject = ?"
)


class SqliteGuessCounts:
    """`security.ports.GuessCounts` on SQLite.

    What is read and then written lies in one transaction of the one writer that SQLite lets in, so
    nothing comes between, from whatever process.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def find(self, purpose: str, subject: bytes) -> GuessCount | None:
        """How the count stands; None when there is none."""
        return _from_row(self._engine.one(_SELECT, (purpose, subject)))

    async def count(
        self, purpose: str, subject: bytes, *, rule: CountingRule, now: datetime
    ) -> tuple[bool, GuessCount]:
        """Add a guess if the rule lets it: whether it did, and how the count stands then."""

        def add(db: sqlite3.Connection) -> tuple[bool, GuessCount]:
            seen = read_count(db, purpose, subject)
            counted = rule.counted(seen, now)
            if counted is not None:
                _write(db, purpose, subject, counted)
                return True, counted
            if seen is None:
                raise ValueError("a rule must let the first guess in")
            return False, seen

        return await self._engine.write(add)

    async def give_back(self, purpose: str, subject: bytes, *, rule: CountingRule) -> None:
        """Take one guess back out."""

        def take_out(db: sqlite3.Connection) -> None:
            left = rule.given_back(read_count(db, purpose, subject))
            if left is None:
                delete_count(db, purpose, subject)
            else:
                _write(db, purpose, subject, left)

        await self._engine.write(take_out)

    async def clear(self, purpose: str, subject: bytes) -> None:
        """Drop the count; no error when there is none."""
        await self._engine.write(lambda db: delete_count(db, purpose, subject))

    async def forget(self, *, before: datetime) -> int:
        """Drop counts whose last guess was before a moment; how many."""
        micros = to_micros(before)
        return await self._engine.write(
            lambda db: db.execute("DELETE FROM guess_counts WHERE last_at < ?", (micros,)).rowcount
        )


def read_count(db: sqlite3.Connection, purpose: str, subject: bytes) -> GuessCount | None:
    """How a count stands, in whatever transaction this is."""
    return _from_row(db.execute(_SELECT, (purpose, subject)).fetchone())


def _from_row(row: tuple[Any, ...] | None) -> GuessCount | None:
    if row is None:
        return None
    return GuessCount(row[0], from_micros(row[1]), optional_moment(row[2]))


def _write(db: sqlite3.Connection, purpose: str, subject: bytes, count: GuessCount) -> None:
    db.execute(
        "INSERT OR REPLACE INTO guess_counts (purpose, subject, failures, last_at, locked_until) "
        "VALUES (?, ?, ?, ?, ?)",
        (
            purpose,
            subject,
            count.failures,
            to_micros(count.last_at),
            optional_micros(count.locked_until),
        ),
    )


def delete_count(db: sqlite3.Connection, purpose: str, subject: bytes) -> None:
    """Drop a count, in whatever transaction this is."""
    db.execute("DELETE FROM guess_counts WHERE purpose = ? AND subject = ?", (purpose, subject))
