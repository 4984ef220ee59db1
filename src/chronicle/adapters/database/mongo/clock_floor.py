"""The highest time seen: one document."""

from datetime import datetime

from chronicle.adapters.database.micros import from_micros, to_micros
from chronicle.adapters.database.mongo.engine import Document, Engine

_THE_ONE = {"_id": "clock"}


class MongoClockFloor:
    """`chronicle.clock.ClockFloor` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def read(self) -> datetime | None:
        """The highest time, or None when none was noted yet."""
        found = self._engine.reading("clock_floor.read").find_one(_THE_ONE)
        document = await self._engine.answer(found)
        return None if document is None else from_micros(document["highest"])

    async def raise_to(self, moment: datetime) -> None:
        """Note a time, unless a higher one stands."""
        await self._write({"$max": {"highest": to_micros(moment)}})

    async def put(self, moment: datetime) -> None:
        """Note a time in place of whatever stands."""
        await self._write({"$set": {"highest": to_micros(moment)}})

    async def _write(self, change: Document) -> None:
        updated = self._engine.writing("clock_floor").update_one(_THE_ONE, change, upsert=True)
        await self._engine.answer(updated)
