"""The events, and their documents as a source of ledger entries."""

from collections.abc import Sequence
from datetime import datetime

from chronicle.adapters.database.micros import (
    from_micros,
    optional_micros,
    optional_moment,
    to_micros,
)
from chronicle.adapters.database.mongo.engine import Document, Engine, optional_number, stored
from chronicle.adapters.database.mongo.entries import EntryFields
from chronicle.adapters.database.mongo.forgetting import forget_some
from chronicle.security.ports import EventRecord


class MongoEvents(EntryFields):
    """`security.ports.Events` and `ledger.ports.EntrySource` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, collection="events", waits=True)

    async def add(self, record: EventRecord) -> None:
        """Store one event, with its ledger entry in the same write."""
        inserted = self._engine.writing("events").insert_one(_to_document(record))
        await self._engine.answer(inserted)

    async def page(
        self, account_id: bytes, *, before: bytes | None, limit: int
    ) -> Sequence[EventRecord]:
        """An account's events, newest first, from below `before`."""
        which: Document = {"account_id": account_id}
        if before is not None:
            which["_id"] = {"$lt": before}
        return await self._newest("events.page", which, limit)

    async def granted(self, account_id: bytes, *, limit: int) -> Sequence[EventRecord]:
        """The newest of an account's events that were granted."""
        which = {"account_id": account_id, "outcome": "granted"}
        return await self._newest("events.granted", which, limit)

    async def forget(self, *, before: datetime) -> int:
        """Drop events from before a moment, unless their entry still waits for the ledger."""
        which = {"created_at": {"$lt": to_micros(before)}, "waits_since": None}
        return await forget_some(self._engine, "events", which)

    async def _newest(self, purpose: str, which: Document, limit: int) -> list[EventRecord]:
        found = self._engine.reading(purpose).find(which).sort("_id", -1).limit(limit)
        return [from_document(each) for each in await self._engine.answer(found.to_list())]


def _to_document(record: EventRecord) -> Document:
    waits = record.entry is not None and record.entry_index is None
    return stored(
        {
            "_id": record.id,
            "account_id": record.account_id,
            "subject_index": record.subject_index,
            "kind": record.kind,
            "method": record.method,
            "outcome": record.outcome,
            "reason": record.reason,
            "session_id": record.session_id,
            "sealed_visitor": record.visitor,
            "address_index": record.address_index,
            "created_at": to_micros(record.created_at),
            "entry": record.entry,
            "entry_due_at": optional_micros(record.entry_due_at),
            "entry_index": record.entry_index,
            "waits_since": optional_micros(record.entry_due_at) if waits else None,
        }
    )


def from_document(document: Document) -> EventRecord:
    """A record from its document."""
    return EventRecord(
        id=document["_id"],
        account_id=document.get("account_id"),
        subject_index=document.get("subject_index"),
        kind=document["kind"],
        method=document["method"],
        outcome=document["outcome"],
        reason=document.get("reason"),
        session_id=document.get("session_id"),
        visitor=document["sealed_visitor"],
        address_index=document["address_index"],
        created_at=from_micros(document["created_at"]),
        entry=document.get("entry"),
        entry_due_at=optional_moment(document.get("entry_due_at")),
        entry_index=optional_number(document.get("entry_index")),
    )
