"""The ledger's checkpoint: one document, replaced by compare-and-swap."""

from chronicle.adapters.database.mongo.engine import Document, Engine, stored
from chronicle.ledger.ports import StoredCheckpoint, TreeHead

_THE_ONE = "ledger"


class MongoCheckpoints:
    """`ledger.ports.Checkpoints` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def load(self) -> StoredCheckpoint | None:
        """The newest checkpoint; None before the log's first start."""
        found = self._engine.reading("checkpoint.load").find_one({"_id": _THE_ONE})
        document = await self._engine.answer(found)
        if document is None:
            return None
        head = TreeHead(int(document["size"]), document["root"])
        return StoredCheckpoint(document["origin"], head, document["note"], document.get("staging"))

    async def start(self, first: StoredCheckpoint) -> StoredCheckpoint:
        """Store the first checkpoint unless there is one; answer the one that stands."""
        inserted = self._engine.writing("checkpoint").insert_one(
            {"_id": _THE_ONE, "origin": first.origin, **_moving(first)}
        )
        try:
            await self._engine.answer(inserted)
        except ValueError:
            # There is one.
            return await self.load() or first
        return first

    async def advance(self, expected: TreeHead, to: StoredCheckpoint) -> bool:
        """Replace the checkpoint only if its head is still `expected`, in one atomic write."""
        updated = self._engine.writing("checkpoint").update_one(
            {
                "_id": _THE_ONE,
                "origin": to.origin,
                "size": expected.size,
                "root": expected.root,
            },
            {"$set": _moving(to) | {"staging": to.staging}},
        )
        return (await self._engine.answer(updated)).matched_count == 1


def _moving(checkpoint: StoredCheckpoint) -> Document:
    return stored(
        {
            "size": checkpoint.head.size,
            "root": checkpoint.head.root,
            "note": checkpoint.note,
            "staging": checkpoint.staging,
        }
    )
