"""Reads that gather an account with its histories: one pipeline, so one round trip.

The server reads the account first and its histories after it, so not all as at one moment: sessions
are those of the epoch that the account had then.
"""

from datetime import datetime
from typing import Any

from chronicle.adapters.database.mongo import events, sessions, uploads
from chronicle.adapters.database.mongo.engine import Document, Engine
from chronicle.overview.ports import GatheredRecords, Part
from chronicle.users.ports import AccountId

_OF_ITS_EPOCH: Document = {"$match": {"$expr": {"$eq": ["$epoch", "$$epoch"]}}}


class MongoOverviews:
    """`overview.ports.Overviews` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def gather(
        self, account_id: AccountId, parts: frozenset[Part], *, now: datetime, limit: int
    ) -> GatheredRecords | None:
        """The profile with the newest of each part."""
        pipeline: list[Document] = [
            {"$match": {"_id": account_id}},
            {"$project": dict.fromkeys(sessions.PROFILE_FIELDS, 1)},
            *(_looked_up(part, account_id, now, limit) for part in Part if part in parts),
        ]
        found = await self._engine.answer(self._read(pipeline))
        if not found:
            return None
        account = found[0]
        return GatheredRecords(
            profile=sessions.profile_of(account),
            login_events=[events.from_document(one) for one in account.get(Part.LOGIN_EVENTS, ())],
            sessions=[sessions.from_document(one) for one in account.get(Part.SESSIONS, ())],
            uploads=[uploads.from_document(one) for one in account.get(Part.UPLOADS, ())],
        )

    async def _read(self, pipeline: list[Document]) -> list[Document]:
        cursor = await self._engine.reading("accounts.gather").aggregate(pipeline)
        return await cursor.to_list()


def _looked_up(part: Part, account_id: AccountId, now: datetime, limit: int) -> Document:
    # The account's id stands in each pipeline as a value: so every planner takes the index.
    newest: list[Any] = [{"$sort": {"_id": -1}}, {"$limit": limit}]
    match part:
        case Part.LOGIN_EVENTS:
            return _lookup("events", part, [{"$match": {"account_id": account_id}}, *newest])
        case Part.UPLOADS:
            return _lookup("uploads", part, [{"$match": {"account_id": account_id}}, *newest])
        case Part.SESSIONS:
            live = {"$match": sessions.live_of(account_id, now)}
            return _lookup("sessions", part, [live, _OF_ITS_EPOCH, *newest])


def _lookup(collection: str, part: Part, pipeline: list[Any]) -> Document:
    let = {"epoch": "$epoch"}
    return {"$lookup": {"from": collection, "let": let, "pipeline": pipeline, "as": str(part)}}
