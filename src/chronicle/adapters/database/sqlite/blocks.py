"""The table of blocked networks."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from chronicle.adapters.database.sqlite.engine import (
    Engine,
    from_micros,
    optional_micros,
    optional_moment,
    to_micros,
)
from chronicle.security.ports import BlockRecord


class SqliteBlocks:
    """`security.ports.Blocks` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def put(self, record: BlockRecord) -> None:
        """Store a block in place of the one with its id, if there is one."""
        row = (
            record.id,
            record.content,
            to_micros(record.created_at),
            optional_micros(record.expires_at),
        )

        def store(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT OR REPLACE INTO blocks (id, sealed_content, created_at, expires_at) "
                "VALUES (?, ?, ?, ?)",
                row,
            )
            _move_revision(db)

        await self._engine.write(store)

    async def remove(self, block_id: bytes) -> bool:
        """Drop a block. True if this call did."""

        def drop(db: sqlite3.Connection) -> bool:
            dropped = db.execute("DELETE FROM blocks WHERE id = ?", (block_id,)).rowcount == 1
            _move_revision(db)
            return dropped

        return await self._engine.write(drop)

    async def all(self) -> Sequence[BlockRecord]:
        """Every block, expired or not."""
        rows = self._engine.all("SELECT id, sealed_content, created_at, expires_at FROM blocks", ())
        return [
            BlockRecord(row[0], row[1], from_micros(row[2]), optional_moment(row[3]))
            for row in rows
        ]

    async def revision(self) -> int:
        """A number that is another one after each change."""
        row = self._engine.one("SELECT revision FROM blocks_revision", ())
        return row[0] if row else 0

    async def forget(self, *, before: datetime) -> int:
        """Drop blocks that expired before a moment; how many."""
        micros = to_micros(before)
        return await self._engine.write(
            lambda db: db.execute("DELETE FROM blocks WHERE expires_at < ?", (micros,)).rowcount
        )


def _move_revision(db: sqlite3.Connection) -> None:
    db.execute("UPDATE blocks_revision SET revision = revision + 1")
