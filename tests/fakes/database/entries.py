"""Rows as a source of ledger entries: what every logged table has in common."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chronicle.ledger.ports import PendingEntry, Placed
from tests.fakes.database.rows import LoggedRow
from tests.fakes.faults import Faults, step


class EntryRows:
    """`ledger.ports.EntrySource` over rows with `id`, `entry` and `entry_index`."""

    def __init__(
        self, name: str, rows: dict[bytes, Any], faults: Faults | None, *, order: str, waits: bool
    ) -> None:
        """Take the field that orders the rows, and whether they wait for that time."""
        self.name = name
        self.rows = rows
        self.faults = faults or Faults()
        self._order, self._waits = order, waits

    @step
    def pending(self, *, due: datetime, limit: int) -> Sequence[PendingEntry]:
        rows = [
            row
            for row in self.rows.values()
            if row.entry is not None
            and row.entry_index is None
            and not (self._waits and getattr(row, self._order) > due)
        ]
        rows.sort(key=lambda row: (getattr(row, self._order), row.id))
        return [PendingEntry(row.id, row.entry) for row in rows[:limit]]

    @step
    def record_placed(self, placed: Sequence[Placed]) -> None:
        for each in placed:
            row = self.rows.get(each.row_id)
            if row is not None and row.entry_index is None:
                self.rows[each.row_id] = replace(row, entry_index=each.index)


class MemorySource(EntryRows):
    """A table of nothing but entries."""

    def __init__(
        self, name: str, faults: Faults | None = None, rows: dict[bytes, LoggedRow] | None = None
    ) -> None:
        super().__init__(name, {} if rows is None else rows, faults, order="due", waits=True)
        self.label = name

    def as_seen_by(self, faults: Faults) -> "MemorySource":
        """The same rows, for another process."""
        return MemorySource(self.name, faults, self.rows)

    def add(self, row_id: bytes, entry: bytes, due: datetime) -> None:
        self.rows[row_id] = LoggedRow(row_id, entry, due)
