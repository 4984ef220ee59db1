"""The known devices."""

from collections.abc import Sequence
from datetime import datetime

from chronicle.adapters.database.micros import from_micros, to_micros
from chronicle.adapters.database.mongo.engine import Document, Engine
from chronicle.security.ports import DeviceUse, KnownDeviceRecord


class MongoKnownDevices:
    """`security.ports.KnownDevices` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, record: KnownDeviceRecord, *, keep: int) -> None:
        """Store a device, and drop the account's least used beyond `keep`.

        The device comes first, so that of racing calls the last one sees them all. What a failure
        leaves beyond `keep` is dropped by the account's next device.
        """
        inserted = self._engine.writing("known_devices").insert_one(_to_document(record))
        await self._engine.answer(inserted)
        found = (
            self._engine.reading("known_devices.add")
            .find({"account_id": record.account_id}, {"_id": 1})
            .sort([("last_used_at", -1), ("_id", -1)])
            .skip(keep)
        )
        surplus = [each["_id"] for each in await self._engine.answer(found.to_list())]
        if surplus:
            await self._delete({"_id": {"$in": surplus}})

    async def find(self, token_hash: bytes, *, now: datetime) -> KnownDeviceRecord | None:
        """The device with this token, or None; None too once it has expired."""
        found = self._engine.reading("known_devices.find").find_one(
            {"token_hash": token_hash, "expires_at": {"$gt": to_micros(now)}}
        )
        document = await self._engine.answer(found)
        return None if document is None else _from_document(document)

    async def touch(self, use: DeviceUse) -> bool:
        """Note that it was used. False if it is gone; nothing is stored then."""
        updated = self._engine.writing("known_devices").update_one(
            {"_id": use.id},
            {
                "$set": {
                    "sealed_visitor": use.visitor,
                    "last_used_at": to_micros(use.used_at),
                    "expires_at": to_micros(use.expires_at),
                    "expires_on": use.expires_at,
                }
            },
        )
        return (await self._engine.answer(updated)).matched_count == 1

    async def of_account(self, account_id: bytes, *, now: datetime) -> Sequence[KnownDeviceRecord]:
        """An account's devices that have not expired, newest first."""
        found = (
            self._engine.reading("known_devices.of_account")
            .find({"account_id": account_id, "expires_at": {"$gt": to_micros(now)}})
            .sort("_id", -1)
        )
        return [_from_document(each) for each in await self._engine.answer(found.to_list())]

    async def carry_over(
        self, account_id: bytes, *, seen_epoch: int, epoch: int, only: bytes | None = None
    ) -> None:
        """Give an account's devices of one epoch another: all, or only the one with this id."""
        which: Document = {"account_id": account_id, "epoch": seen_epoch}
        if only is not None:
            which["_id"] = only
        carried = self._engine.writing("known_devices").update_many(
            which, {"$set": {"epoch": epoch}}
        )
        await self._engine.answer(carried)

    async def revoke(self, account_id: bytes, device_id: bytes) -> bool:
        """Forget one of an account's devices. True if this call did."""
        return await self._delete({"_id": device_id, "account_id": account_id}) == 1

    async def forget(self, *, before: datetime) -> int:
        """Drop devices that expired before a moment; how many."""
        return await self._delete({"expires_at": {"$lt": to_micros(before)}})

    async def _delete(self, which: Document) -> int:
        deleted = self._engine.writing("known_devices").delete_many(which)
        return (await self._engine.answer(deleted)).deleted_count


def _to_document(record: KnownDeviceRecord) -> Document:
    return {
        "_id": record.id,
        "account_id": record.account_id,
        "epoch": record.epoch,
        "token_hash": record.token_hash,
        "sealed_visitor": record.visitor,
        "created_at": to_micros(record.created_at),
        "last_used_at": to_micros(record.last_used_at),
        "expires_at": to_micros(record.expires_at),
        "expires_on": record.expires_at,
    }


def _from_document(document: Document) -> KnownDeviceRecord:
    return KnownDeviceRecord(
        id=document["_id"],
        account_id=document["account_id"],
        epoch=int(document["epoch"]),
        token_hash=document["token_hash"],
        visitor=document["sealed_visitor"],
        created_at=from_micros(document["created_at"]),
        last_used_at=from_micros(document["last_used_at"]),
        expires_at=from_micros(document["expires_at"]),
    )
