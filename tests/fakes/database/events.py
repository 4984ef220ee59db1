"""The events table."""

from collections.abc import Sequence
from datetime import datetime

from chronicle.security.ports import EventRecord
from tests.fakes.database.entries import EntryRows
from tests.fakes.database.rows import MemoryDatabase, refuse_second
from tests.fakes.faults import Faults, step


class InMemoryEvents(EntryRows):
    """`security.ports.Events` and `ledger.ports.EntrySource`."""

    label = "events"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        super().__init__("events", database.events, faults, order="entry_due_at", waits=True)

    @step
    def add(self, record: EventRecord) -> None:
        refuse_second(self.rows, record.id)
        self.rows[record.id] = record

    @step
    def page(self, account_id: bytes, *, before: bytes | None, limit: int) -> Sequence[EventRecord]:
        return newest(self.rows, account_id, before=before)[:limit]

    @step
    def granted(self, account_id: bytes, *, limit: int) -> Sequence[EventRecord]:
        mine = newest(self.rows, account_id)
        return [event for event in mine if event.outcome == "granted"][:limit]

    @step
    def forget(self, *, before: datetime) -> int:
        old = [
            event.id
            for event in self.rows.values()
            if event.created_at < before and (event.entry is None or event.entry_index is not None)
        ]
        for event_id in old:
            del self.rows[event_id]
        return len(old)


def newest(
    events: dict[bytes, EventRecord], account_id: bytes, *, before: bytes | None = None
) -> list[EventRecord]:
    """An account's events, newest first."""
    mine = [event for event in events.values() if event.account_id == account_id]
    mine.sort(key=lambda event: event.id, reverse=True)
    return [event for event in mine if before is None or event.id < before]
