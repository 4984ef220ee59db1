"""Reads that gather an account with its histories: one pipeline, one round trip."""

from datetime import datetime
from typing import Any

from chronicle.adapters.database.mongo import events, sessions, uploads
from chronicle.adapters.database.mongo.engine import Document, Engine
from chronicle.overview.ports import GatheredRecords, Part
from chronicle.users.ports import AccountId

_NEWEST_FIRST: Document = {"$sort": {"_id": -1}}
_PROFILE: Document = {"$project": dict.fromkeys(sessions.PROFILE, 1)}
_OF_THE_SAME_EPOCH: Document = {"$match": {"$expr": {"$eq": ["$epoch", "$$epoch"]}}}


class MongoOverviews:
    """`overview.ports.Overviews` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def gather(
        self, account_id: AccountId, parts: frozenset[Part], *, now: datetime, limit: int
    ) -> GatheredRecords | None:
        """The profile with at most `limit` of each part.

        The parts are read one after another, so what happens meanwhile may be in one and not in
        another; a session counts as live by the epoch that the profile has here.
        """
        lookups = [_lookup(part, account_id, now, limit) for part in Part if part in parts]
        pipeline = [{"$match": {"_id": account_id}}, _PROFILE, *lookups]

        async def read() -> list[Document]:
            accounts = self._engine.reading("accounts.gather")
            return await (await accounts.aggregate(pipeline)).to_list()

        found = await self._engine.answer(read())
        if not found:
            return None
        (account,) = found
        return GatheredRecords(
            profile=sessions.profile_of(account),
            login_events=[events.from_document(each) for each in _part(account, "login_events")],
            sessions=[sessions.from_document(each) for each in _part(account, "sessions")],
            uploads=[uploads.from_document(each) for each in _part(account, "uploads")],
        )


def _part(account: Document, name: str) -> list[Any]:
    part: list[Any] = account.get(name, [])
    return part


def _lookup(part: Part, account_id: AccountId, now: datetime, limit: int) -> Document:
    if part is Part.SESSIONS:
        live = [{"$match": sessions.going_on(account_id, now)}, _OF_THE_SAME_EPOCH]
        return _joined(part, "sessions", live, sessions.MOST_LISTED)
    collection = "events" if part is Part.LOGIN_EVENTS else "uploads"
    return _joined(part, collection, [{"$match": {"account_id": account_id}}], limit)


def _joined(part: Part, collection: str, which: list[Document], limit: int) -> Document:
    return {
        "$lookup": {
            "from": collection,
            "let": {"epoch": "$epoch"},
            "pipeline": [*which, _NEWEST_FIRST, {"$limit": limit}],
            "as": part.value,
        }
    }
