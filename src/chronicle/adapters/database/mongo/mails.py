"""The mails: a queue whose claims run out by themselves."""

from collections.abc import Sequence
from datetime import datetime

from pymongo import ReturnDocument

from chronicle.adapters.database.micros import from_micros, to_micros
from chronicle.adapters.database.mongo.engine import Document, Engine
from chronicle.adapters.database.mongo.forgetting import forget_some
from chronicle.auth.ports import WaitingMail
from chronicle.errors import Unavailable


class MongoMails:
    """`auth.ports.MailQueue` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, mail: WaitingMail) -> None:
        """Store a mail that is due at once."""
        created_at = to_micros(mail.created_at)
        inserted = self._engine.writing("mails").insert_one(
            {
                "_id": mail.id,
                "state": "waiting",
                "sealed_content": mail.content,
                "attempts": mail.attempts,
                "created_at": created_at,
                "due_at": created_at,
            }
        )
        await self._engine.answer(inserted)

    async def claim(self, *, now: datetime, until: datetime, limit: int) -> Sequence[WaitingMail]:
        """Take mails that are due, one by one, so that nobody else gets them before `until`.

        When the database fails half way, those that were taken are answered: they would wait for
        their claim to run out otherwise.
        """
        due = {"state": "waiting", "due_at": {"$lte": to_micros(now)}}
        # A look first: most of the time nothing is due, and a write asks a majority.
        looked = self._engine.reading("mails.claim").find_one(due, {"_id": 1})
        if await self._engine.answer(looked) is None:
            return []
        taken: list[WaitingMail] = []
        try:
            while len(taken) < limit and (mail := await self._take_one(due, until)) is not None:
                taken.append(mail)
        except Unavailable:
            if not taken:
                raise
        return sorted(taken, key=lambda mail: (mail.created_at, mail.id))

    async def mark_sent(self, mail: WaitingMail, *, now: datetime) -> bool:
        """Note that it left, and drop its content. True if the claim still stood."""
        done = {"state": "sent", "reason": None, "done_at": to_micros(now)}
        return await self._finish(mail, done)

    async def put_off(self, mail: WaitingMail, *, reason: str, until: datetime) -> bool:
        """Let it wait for its next attempt. True if the claim still stood."""
        return await self._update(mail, {"$set": {"due_at": to_micros(until), "reason": reason}})

    async def give_up(self, mail: WaitingMail, *, reason: str, now: datetime) -> bool:
        """Note that it never left, and drop its content. True if the claim still stood."""
        done = {"state": "failed", "reason": reason, "done_at": to_micros(now)}
        return await self._finish(mail, done)

    async def forget_done(self, *, before: datetime) -> int:
        """Drop the documents of mails that were sent or given up before a moment; how many."""
        done = {"done_at": {"$lt": to_micros(before)}}
        return await forget_some(self._engine, "mails", done)

    async def _take_one(self, due: Document, until: datetime) -> WaitingMail | None:
        taken = self._engine.writing("mails").find_one_and_update(
            due,
            {"$set": {"due_at": to_micros(until)}, "$inc": {"attempts": 1}},
            sort=[("due_at", 1), ("_id", 1)],
            return_document=ReturnDocument.AFTER,
        )
        document = await self._engine.answer(taken)
        if document is None:
            return None
        return WaitingMail(
            document["_id"],
            document["sealed_content"],
            int(document["attempts"]),
            from_micros(document["created_at"]),
        )

    async def _finish(self, mail: WaitingMail, done: Document) -> bool:
        return await self._update(mail, {"$set": done, "$unset": {"sealed_content": ""}})

    async def _update(self, mail: WaitingMail, change: Document) -> bool:
        claim = {"_id": mail.id, "attempts": mail.attempts, "state": "waiting"}
        updated = self._engine.writing("mails").update_one(claim, change)
        return (await self._engine.answer(updated)).matched_count == 1
