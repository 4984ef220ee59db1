"""The mailed tokens."""

from datetime import datetime

from pymongo import ReturnDocument

from chronicle.adapters.database.micros import from_micros, to_micros
from chronicle.adapters.database.mongo.engine import Document, Engine, stored
from chronicle.security.ports import MailedTokenRecord


class MongoMailedTokens:
    """`security.ports.MailedTokens` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, record: MailedTokenRecord) -> None:
        """Store a new token."""
        inserted = self._engine.writing("mailed_tokens").insert_one(_to_document(record))
        await self._engine.answer(inserted)

    async def claim(self, record: MailedTokenRecord, *, now: datetime) -> bool:
        """Store a token as spent from the start; False if its hash is there already."""
        inserted = self._engine.writing("mailed_tokens").insert_one(
            _to_document(record) | {"spent_at": to_micros(now)}
        )
        try:
            await self._engine.answer(inserted)
        except ValueError:
            return False
        return True

    async def find(
        self, token_hash: bytes, *, purpose: str, now: datetime
    ) -> MailedTokenRecord | None:
        """A token that could be spent, as it is."""
        found = self._engine.reading("mailed_tokens.find").find_one(_good(token_hash, purpose, now))
        document = await self._engine.answer(found)
        return None if document is None else _from_document(document)

    async def spend(
        self, token_hash: bytes, *, purpose: str, now: datetime
    ) -> MailedTokenRecord | None:
        """Spend a token: the record, for the one call that did it."""
        spent = self._engine.writing("mailed_tokens").find_one_and_update(
            _good(token_hash, purpose, now),
            {"$set": {"spent_at": to_micros(now)}},
            return_document=ReturnDocument.AFTER,
        )
        document = await self._engine.answer(spent)
        return None if document is None else _from_document(document)

    async def forget(self, *, before: datetime) -> int:
        """Drop tokens that expired before a moment; how many."""
        deleted = self._engine.writing("mailed_tokens").delete_many(
            {"expires_at": {"$lt": to_micros(before)}}
        )
        return (await self._engine.answer(deleted)).deleted_count


def _good(token_hash: bytes, purpose: str, now: datetime) -> Document:
    return {
        "_id": token_hash,
        "purpose": purpose,
        "spent_at": None,
        "expires_at": {"$gt": to_micros(now)},
    }


def _to_document(record: MailedTokenRecord) -> Document:
    return stored(
        {
            "_id": record.hash,
            "purpose": record.purpose,
            "account_id": record.account_id,
            "epoch": record.epoch,
            "expires_at": to_micros(record.expires_at),
            "expires_on": record.expires_at,
        }
    )


def _from_document(document: Document) -> MailedTokenRecord:
    return MailedTokenRecord(
        hash=document["_id"],
        purpose=document["purpose"],
        account_id=document.get("account_id"),
        epoch=int(document["epoch"]),
        expires_at=from_micros(document["expires_at"]),
    )
