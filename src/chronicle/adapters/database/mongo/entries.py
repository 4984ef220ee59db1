"""Ledger entries inside the documents that they describe: what logged collections have in common.

`waits_since` is there only while an entry has no index; the index by which pending ones are found
holds those documents alone, and so stays as small as the queue is.
"""

from collections.abc import Sequence
from datetime import datetime

from pymongo import UpdateOne

from chronicle.adapters.database.micros import to_micros
from chronicle.adapters.database.mongo.engine import Engine
from chronicle.ledger.ports import PendingEntry, Placed


class EntryFields:
    """`ledger.ports.EntrySource` over documents with `entry`, `waits_since` and `entry_index`."""

    def __init__(self, engine: Engine, *, collection: str, waits: bool) -> None:
        """Take the collection, and whether an entry waits until `waits_since` before it is due."""
        self._engine = engine
        self.name = collection
        self._waits = waits

    async def pending(self, *, due: datetime, limit: int) -> Sequence[PendingEntry]:
        """Documents without an index whose entry is due by then, oldest first."""
        waiting: dict[str, object] = {"$exists": True}
        if self._waits:
            waiting["$lte"] = to_micros(due)
        found = (
            self._engine.reading(f"{self.name}.pending")
            .find({"waits_since": waiting}, {"entry": 1})
            .sort([("waits_since", 1), ("_id", 1)])
            .limit(limit)
        )
        documents = await self._engine.answer(found.to_list())
        return [PendingEntry(each["_id"], each["entry"]) for each in documents]

    async def record_placed(self, placed: Sequence[Placed]) -> None:
        """Write the index into each document that has none yet.

        Each is one write of its own; what a failure leaves out is written when this is repeated.
        """
        if not placed:
            return
        updates = [
            UpdateOne(
                {"_id": one.row_id, "waits_since": {"$exists": True}},
                {"$set": {"entry_index": one.index}, "$unset": {"waits_since": ""}},
            )
            for one in placed
        ]
        collection = self._engine.writing(self.name)
        await self._engine.answer(collection.bulk_write(updates, ordered=False))
