"""The blocked networks, and the revision by which other processes see that they changed.

Two documents change with each block, and no one write covers both. So a change is announced in the
revision's document before it is made, and struck out after it. While one is announced, the revision
is another one each time that it is asked for, and whoever follows it reads all blocks each time. A
change whose process died stays announced until somebody has seen it there for two minutes, longer
than any operation may take; then they strike it out. So nobody goes on with old blocks for good,
whatever fails.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from pymongo import ReturnDocument

from chronicle.adapters.database.micros import (
    from_micros,
    optional_micros,
    optional_moment,
    to_micros,
)
from chronicle.adapters.database.mongo.engine import LONGEST_SECONDS, Document, Engine, stored
from chronicle.errors import Unavailable
from chronicle.security.ports import BlockRecord

_REVISION = {"_id": "revision"}


class MongoBlocks:
    """`security.ports.Blocks` on MongoDB."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock that counts seconds and is never set back."""
        self._engine = engine
        self._clock = clock
        self._announced_since: dict[bytes, float] = {}

    async def put(self, record: BlockRecord) -> None:
        """Store a block in place of the one with its id, if there is one."""
        change = await self._announce()
        replaced = self._engine.writing("blocks").replace_one(
            {"_id": record.id}, _to_document(record), upsert=True
        )
        await self._engine.answer(replaced)
        await self._strike_out(change)

    async def remove(self, block_id: bytes) -> bool:
        """Drop a block. True if this call did."""
        change = await self._announce()
        deleted = self._engine.writing("blocks").delete_one({"_id": block_id})
        dropped = (await self._engine.answer(deleted)).deleted_count == 1
        await self._strike_out(change)
        return dropped

    async def all(self) -> Sequence[BlockRecord]:
        """Every block, expired or not."""
        found = self._engine.reading("blocks.all").find({})
        return [_from_document(each) for each in await self._engine.answer(found.to_list())]

    async def revision(self) -> int:
        """A number that is another one after each change, and again and again during one."""
        found = self._engine.reading("blocks_revision.revision").find_one(_REVISION)
        document = await self._engine.answer(found)
        if document is None:
            return 0
        announced = document.get("announced")
        if announced:
            document = await self._move_on(announced) or document
        return int(document["revision"])

    async def forget(self, *, before: datetime) -> int:
        """Drop blocks that expired before a moment; how many."""
        deleted = self._engine.writing("blocks").delete_many(
            {"expires_at": {"$lt": to_micros(before)}}
        )
        return (await self._engine.answer(deleted)).deleted_count

    async def _announce(self) -> bytes:
        change = secrets.token_bytes(8)
        updated = self._engine.writing("blocks_revision").update_one(
            _REVISION, {"$inc": {"revision": 1}, "$push": {"announced": change}}, upsert=True
        )
        await self._engine.answer(updated)
        return change

    async def _strike_out(self, change: bytes) -> None:
        updated = self._engine.writing("blocks_revision").update_one(
            _REVISION, {"$inc": {"revision": 1}, "$pull": {"announced": change}}
        )
        try:
            await self._engine.answer(updated)
        except Unavailable:
            # The block itself is stored; what stays announced is struck out by whoever sees it.
            return

    async def _move_on(self, announced: list[bytes]) -> Document | None:
        now = self._clock()
        self._announced_since = {
            change: self._announced_since.get(change, now) for change in announced
        }
        dead = [
            change
            for change, since in self._announced_since.items()
            if now - since > 2 * LONGEST_SECONDS
        ]
        updated = self._engine.writing("blocks_revision").find_one_and_update(
            _REVISION,
            {"$inc": {"revision": 1}, "$pull": {"announced": {"$in": dead}}},
            return_document=ReturnDocument.AFTER,
        )
        return await self._engine.answer(updated)


def _to_document(record: BlockRecord) -> Document:
    return stored(
        {
            "_id": record.id,
            "sealed_content": record.content,
            "created_at": to_micros(record.created_at),
            "expires_at": optional_micros(record.expires_at),
            "expires_on": record.expires_at,
        }
    )


def _from_document(document: Document) -> BlockRecord:
    return BlockRecord(
        document["_id"],
        document["sealed_content"],
        from_micros(document["created_at"]),
        optional_moment(document.get("expires_at")),
    )
