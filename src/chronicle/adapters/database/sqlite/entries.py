"""Ledger entries inside the rows that they describe: what every logged table has in common."""

from collections.abc import Sequence
from datetime import datetime

from chronicle.adapters.database.sqlite.engine import Engine, to_micros
from chronicle.ledger.ports import PendingEntry, Placed


class EntryColumns:
    """`ledger.ports.EntrySource` over a table with the columns `entry` and `entry_index`."""

    def __init__(self, engine: Engine, *, table: str, order: str, waits: bool) -> None:
        """Take the table, the time column that orders its rows, and if they wait for that time."""
        self._engine = engine
        self.name = table
        wait = f"AND {order} <= ?1" if waits else ""
        self._pending = (
            f"SELECT id, entry FROM {table} WHERE entry_index IS NULL "
            f"AND entry IS NOT NULL {wait} "
            f"ORDER BY {order}, id LIMIT ?2"
        )

    async def pending(self, *, due: datetime, limit: int) -> Sequence[PendingEntry]:
        """Rows without an index whose entry is due by then, oldest first."""
        rows = self._engine.all(self._pending, (to_micros(due), limit))
        return [PendingEntry(row_id, entry) for row_id, entry in rows]

    async def record_placed(self, placed: Sequence[Placed]) -> None:
        """Write the index into each row that has none yet."""
        rows = [(one.index, one.row_id) for one in placed]
        await self._engine.write(
            lambda db: db.executemany(
                f"UPDATE {self.name} SET entry_index = ? WHERE id = ? AND entry_index IS NULL",
                rows,
            )
        )
