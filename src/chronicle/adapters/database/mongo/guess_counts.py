"""The guesses."""

from datetime import datetime

from chronicle.adapters.database.micros import (
    from_micros,
    optional_micros,
    optional_moment,
    to_micros,
)
from chronicle.adapters.database.mongo.engine import Document, Engine
from chronicle.errors import Unavailable
from chronicle.security.ports import CountingRule, GuessCount

# Each round that is lost was won by another guess; so many at one subject are an attack.
_ROUNDS = 200


class MongoGuessCounts:
    """`security.ports.GuessCounts` on MongoDB.

    The rule is Python, so a count is read, worked out and stored only if what was read still
    stands. A count that went elsewhere and came back is the same count: the rule knows no more of
    it than these three values.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def count(
        self, purpose: str, subject: bytes, *, rule: CountingRule, now: datetime
    ) -> tuple[bool, GuessCount]:
        """Add a guess if the rule lets it: whether it did, and how the count stands then."""
        for _ in range(_ROUNDS):
            seen = await self.find(purpose, subject)
            counted = rule.counted(seen, now)
            if counted is None and seen is None:
                raise ValueError("a rule must let the first guess in")
            if counted is None:
                assert seen is not None  # noqa: S101 - for the type checker
                return False, seen
            if await self._swap(purpose, subject, seen, counted):
                return True, counted
        raise Unavailable

    async def give_back(self, purpose: str, subject: bytes, *, rule: CountingRule) -> None:
        """Take one guess back out."""
        for _ in range(_ROUNDS):
            seen = await self.find(purpose, subject)
            left = rule.given_back(seen)
            if seen == left or await self._swap(purpose, subject, seen, left):
                return
        raise Unavailable

    async def clear(self, purpose: str, subject: bytes) -> None:
        """Drop the count; no error when there is none."""
        deleted = self._engine.writing("guess_counts").delete_one({"_id": _id(purpose, subject)})
        await self._engine.answer(deleted)

    async def forget(self, *, before: datetime) -> int:
        """Drop counts whose last guess was before a moment; how many."""
        deleted = self._engine.writing("guess_counts").delete_many(
            {"last_at": {"$lt": to_micros(before)}}
        )
        return (await self._engine.answer(deleted)).deleted_count

    async def find(self, purpose: str, subject: bytes) -> GuessCount | None:
        """How the count stands; None when there is none."""
        found = self._engine.reading("guess_counts.count").find_one({"_id": _id(purpose, subject)})
        document = await self._engine.answer(found)
        if document is None:
            return None
        return GuessCount(
            int(document["failures"]),
            from_micros(document["last_at"]),
            optional_moment(document["locked_until"]),
        )

    async def _swap(
        self, purpose: str, subject: bytes, seen: GuessCount | None, to: GuessCount | None
    ) -> bool:
        """Store `to` in place of `seen`, either of them None for no document; False if it moved."""
        collection = self._engine.writing("guess_counts")
        key: Document = {"_id": _id(purpose, subject)}
        if seen is None and to is not None:
            document = key | {"purpose": purpose, "subject": subject} | _values(to)
            try:
                await self._engine.answer(collection.insert_one(document))
            except ValueError:
                return False  # somebody else's guess was the first
            return True
        assert seen is not None  # noqa: S101 - for the type checker
        if to is None:
            deleted = await self._engine.answer(collection.delete_one(key | _values(seen)))
            return deleted.deleted_count == 1
        updated = collection.update_one(key | _values(seen), {"$set": _values(to)})
        return (await self._engine.answer(updated)).matched_count == 1


def _id(purpose: str, subject: bytes) -> bytes:
    # No purpose holds a NUL, so no two pairs make the same id.
    return purpose.encode() + b"\0" + subject


def _values(count: GuessCount) -> Document:
    return {
        "failures": count.failures,
        "last_at": to_micros(count.last_at),
        "locked_until": optional_micros(count.locked_until),
    }
