"""The uploads, and their documents as a source of ledger entries."""

from collections.abc import Sequence

from chronicle.adapters.database.micros import from_micros, to_micros
from chronicle.adapters.database.mongo.engine import Document, Engine, optional_number, stored
from chronicle.adapters.database.mongo.entries import EntryFields
from chronicle.uploads.ports import UploadRecord
from chronicle.users.ports import AccountId


class MongoUploads(EntryFields):
    """`uploads.ports.Uploads` and `ledger.ports.EntrySource` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, collection="uploads", waits=False)

    async def add(self, record: UploadRecord) -> None:
        """Store one event with its pending entry in the same write."""
        inserted = self._engine.writing("uploads").insert_one(_to_document(record))
        await self._engine.answer(inserted)

    async def get(self, account_id: AccountId, upload_id: bytes) -> UploadRecord | None:
        """The event, or None unless it exists and is this account's."""
        return await self._one("uploads.get", {"_id": upload_id, "account_id": account_id})

    async def find_by_key(self, key_index: bytes) -> UploadRecord | None:
        """The event that was stored with this key, or None."""
        return await self._one("uploads.find_by_key", {"key_index": key_index})

    async def page(
        self, account_id: AccountId, *, before: bytes | None, limit: int
    ) -> Sequence[UploadRecord]:
        """An account's events, newest first, from below `before`."""
        which: Document = {"account_id": account_id}
        if before is not None:
            which["_id"] = {"$lt": before}
        found = self._engine.reading("uploads.page").find(which).sort("_id", -1).limit(limit)
        return [from_document(each) for each in await self._engine.answer(found.to_list())]

    async def has_cid(self, cid: str) -> bool:
        """Whether any event refers to this CID."""
        found = self._engine.reading("uploads.has_cid").find_one({"cid": cid}, {"_id": 1})
        return await self._engine.answer(found) is not None

    async def _one(self, purpose: str, which: Document) -> UploadRecord | None:
        document = await self._engine.answer(self._engine.reading(purpose).find_one(which))
        return None if document is None else from_document(document)


def _to_document(record: UploadRecord) -> Document:
    created_at = to_micros(record.created_at)
    return stored(
        {
            "_id": record.id,
            "account_id": record.account_id,
            "cid": record.cid,
            "profile": record.profile,
            "size": record.size,
            "media_type": record.media_type,
            "sealed_name": record.name,
            "sealed_note": record.note,
            "visibility": record.visibility,
            "pin_provider": record.pin_provider,
            "pin_status": record.pin_status,
            "entry": record.entry,
            "entry_index": record.entry_index,
            "waits_since": created_at if record.entry_index is None else None,
            "created_at": created_at,
            "key_index": record.key_index,
        }
    )


def from_document(document: Document) -> UploadRecord:
    """A record from its document."""
    return UploadRecord(
        id=document["_id"],
        account_id=document["account_id"],
        cid=document["cid"],
        profile=document["profile"],
        size=int(document["size"]),
        media_type=document["media_type"],
        name=document["sealed_name"],
        note=document.get("sealed_note"),
        visibility=document["visibility"],
        pin_provider=document["pin_provider"],
        pin_status=document["pin_status"],
        entry=document["entry"],
        entry_index=optional_number(document.get("entry_index")),
        created_at=from_micros(document["created_at"]),
        key_index=document.get("key_index"),
    )
