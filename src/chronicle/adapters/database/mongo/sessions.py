"""The sessions."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from chronicle.adapters.database.micros import (
    from_micros,
    optional_micros,
    optional_moment,
    to_micros,
)
from chronicle.adapters.database.mongo.engine import Document, Engine, stored
from chronicle.adapters.database.mongo.forgetting import forget_some
from chronicle.adapters.database.mongo.gathered import GatheredReads
from chronicle.auth.ports import Rotation, SessionId, SessionRecord
from chronicle.users.ports import AccountId, ProfileRecord

_NOT_ENDED = {"ended_at": None}

PROFILE_FIELDS = (
    "sealed_email",
    "email_verified",
    "sealed_name",
    "sealed_locale",
    "sealed_timezone",
    "epoch",
    "created_at",
    "updated_at",
)
_WITH_ITS_OWNER: list[Document] = [
    {
        "$lookup": {
            "from": "accounts",
            "localField": "account_id",
            "foreignField": "_id",
            "as": "owner",
        }
    },
    {
        "$project": {
            "epoch": 1,
            "ended_at": 1,
            "idle_expires_at": 1,
            "expires_at": 1,
            "owner._id": 1,
        }
        | {f"owner.{name}": 1 for name in PROFILE_FIELDS}
    },
]


class MongoSessions:
    """`auth.ports.Sessions` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._with_owners = GatheredReads(self._read_with_owners)

    async def add(self, record: SessionRecord) -> None:
        """Store a new session."""
        inserted = self._engine.writing("sessions").insert_one(_to_document(record))
        await self._engine.answer(inserted)

    async def get(self, session_id: SessionId) -> SessionRecord | None:
        """The session, ended or not, or None."""
        found = self._engine.reading("sessions.get").find_one({"_id": session_id})
        document = await self._engine.answer(found)
        return None if document is None else from_document(document)

    async def live_of(
        self, account_id: AccountId, *, now: datetime, before: bytes | None, limit: int
    ) -> Sequence[SessionRecord]:
        """An account's live sessions, newest first, from below `before`."""
        accounts = self._engine.reading("accounts.get")
        account = await self._engine.answer(accounts.find_one({"_id": account_id}, {"epoch": 1}))
        if account is None:
            return []
        which = live_of(account_id, now) | {"epoch": account["epoch"]}
        if before is not None:
            which["_id"] = {"$lt": before}
        found = self._engine.reading("sessions.live_of").find(which).sort("_id", -1).limit(limit)
        return [from_document(each) for each in await self._engine.answer(found.to_list())]

    async def live_owner(self, session_id: SessionId, *, now: datetime) -> ProfileRecord | None:
        """Whose session it is, if it has not ended or expired, nor the account's epoch moved.

        The server reads the session first and its account after that, not both at one moment. It
        comes to the same: a session that is found alive and an account that still has the
        session's epoch after it were both so at the moment when the session was read, because an
        epoch only grows.
        """
        session = await self._with_owners.get(session_id)
        return None if session is None else _owner(session, to_micros(now))

    async def rotate(self, session_id: SessionId, rotation: Rotation) -> bool:
        """Apply a rotation if `previous_hash` is still the current token's and it has not ended."""
        rotated_at = to_micros(rotation.rotated_at)
        return await self._update(
            {"_id": session_id, "refresh_hash": rotation.previous_hash, **_NOT_ENDED},
            {
                "$inc": {"generation": 1},
                "$set": {
                    "refresh_hash": rotation.refresh_hash,
                    "previous_hash": rotation.previous_hash,
                    "sealed_successor": rotation.successor,
                    "rotated_at": rotated_at,
                    "last_used_at": rotated_at,
                    "idle_expires_at": to_micros(rotation.idle_expires_at),
                },
            },
        )

    async def carry_over(self, session_id: SessionId, *, seen_epoch: int, epoch: int) -> None:
        """Give a session that has not ended, nor is of another epoch, a new one."""
        await self._update(
            {"_id": session_id, "epoch": seen_epoch, **_NOT_ENDED}, {"$set": {"epoch": epoch}}
        )

    async def end(self, session_id: SessionId, *, reason: str, now: datetime) -> bool:
        """End it. True if this call did."""
        return await self._update(
            {"_id": session_id, **_NOT_ENDED},
            {
                "$set": {"ended_at": to_micros(now), "end_reason": reason},
                "$unset": {"sealed_successor": ""},
            },
        )

    async def forget_successors(self, *, rotated_before: datetime) -> int:
        """Drop the sealed successors of older rotations; how many."""
        dropped = self._engine.writing("sessions").update_many(
            {
                "sealed_successor": {"$exists": True},
                "rotated_at": {"$lt": to_micros(rotated_before)},
            },
            {"$unset": {"sealed_successor": ""}},
        )
        return (await self._engine.answer(dropped)).modified_count

    async def forget(self, *, before: datetime) -> int:
        """Drop sessions that expired for good before a moment, some at a time; how many."""
        expired = {"expires_at": {"$lt": to_micros(before)}}
        return await forget_some(self._engine, "sessions", expired)

    async def _update(self, which: Document, change: Document) -> bool:
        updated = self._engine.writing("sessions").update_one(which, change)
        return (await self._engine.answer(updated)).matched_count == 1

    async def _read_with_owners(self, ids: list[SessionId]) -> Mapping[SessionId, Document]:
        # One id is a plain comparison, which every planner knows to be one document at most.
        which = ids[0] if len(ids) == 1 else {"$in": ids}
        sessions = self._engine.reading("sessions.live_owner")

        async def read() -> list[Document]:
            cursor = await sessions.aggregate([{"$match": {"_id": which}}, *_WITH_ITS_OWNER])
            return await cursor.to_list()

        return {each["_id"]: each for each in await self._engine.answer(read())}


def live_of(account_id: AccountId, now: datetime) -> Document:
    """Which sessions of an account are live, if they are of its epoch."""
    micros = to_micros(now)
    return {
        "account_id": account_id,
        "idle_expires_at": {"$gt": micros},
        "expires_at": {"$gt": micros},
        **_NOT_ENDED,
    }


def _owner(session: Document, micros: int) -> ProfileRecord | None:
    if session.get("ended_at") is not None or not session["owner"]:
        return None
    (owner,) = session["owner"]
    live = (
        session["epoch"] == int(owner["epoch"])
        and session["idle_expires_at"] > micros
        and session["expires_at"] > micros
    )
    return profile_of(owner) if live else None


def profile_of(owner: Document) -> ProfileRecord:
    """A profile from the `PROFILE_FIELDS` of an account's document."""
    return ProfileRecord(
        id=owner["_id"],
        email=owner["sealed_email"],
        email_verified=owner["email_verified"],
        name=owner.get("sealed_name"),
        locale=owner.get("sealed_locale"),
        timezone=owner.get("sealed_timezone"),
        epoch=int(owner["epoch"]),
        created_at=from_micros(owner["created_at"]),
        updated_at=from_micros(owner["updated_at"]),
    )


def _to_document(record: SessionRecord) -> Document:
    return stored(
        {
            "_id": record.id,
            "account_id": record.account_id,
            "epoch": record.epoch,
            "amr": record.amr,
            "created_at": to_micros(record.created_at),
            "last_used_at": to_micros(record.last_used_at),
            "idle_expires_at": to_micros(record.idle_expires_at),
            "expires_at": to_micros(record.expires_at),
            "expires_on": record.expires_at,
            "generation": record.generation,
            "refresh_hash": record.refresh_hash,
            "previous_hash": record.previous_hash,
            "sealed_successor": record.successor,
            "rotated_at": optional_micros(record.rotated_at),
            "ended_at": optional_micros(record.ended_at),
            "end_reason": record.end_reason,
            "sealed_visitor": record.visitor,
        }
    )


def from_document(document: Document) -> SessionRecord:
    """A session from its document."""
    return SessionRecord(
        id=document["_id"],
        account_id=document["account_id"],
        epoch=int(document["epoch"]),
        amr=document["amr"],
        created_at=from_micros(document["created_at"]),
        last_used_at=from_micros(document["last_used_at"]),
        idle_expires_at=from_micros(document["idle_expires_at"]),
        expires_at=from_micros(document["expires_at"]),
        generation=int(document["generation"]),
        refresh_hash=document["refresh_hash"],
        previous_hash=document.get("previous_hash"),
        successor=document.get("sealed_successor"),
        rotated_at=optional_moment(document.get("rotated_at")),
        ended_at=optional_moment(document.get("ended_at")),
        end_reason=document.get("end_reason"),
        visitor=document["sealed_visitor"],
    )
