"""The accounts, and the changes of their credentials on the way to the ledger.

A change of password and its ledger entry must be stored together, and one document is all that
one write covers. So the change lies in the account, under `pending_changes`, until the ledger has
given it an index; then it is copied into `credential_changes`, and only then taken out.
"""

from collections.abc import Sequence
from datetime import datetime

from pymongo import UpdateOne

from chronicle.adapters.database.micros import from_micros, optional_micros, to_micros
from chronicle.adapters.database.mongo.engine import Document, Engine, stored
from chronicle.errors import Conflict
from chronicle.ledger.ports import PendingEntry, Placed
from chronicle.users.ports import AccountId, AccountRecord, AddressChange, CredentialChange

_WITHOUT_CHANGES = {"pending_changes": 0}
# Said as the indexes say it, so that the planner sees that they hold all that is asked for.
_WITH_CHANGES: Document = {"pending_changes": {"$exists": True}}


class MongoAccounts:
    """`users.ports.Accounts` and `ledger.ports.EntrySource` on MongoDB."""

    def __init__(self, engine: Engine) -> None:
        self.name = "credential_changes"
        self._engine = engine

    async def add(self, record: AccountRecord) -> None:
        """Store a new account."""
        inserted = self._engine.writing("accounts").insert_one(_to_document(record))
        try:
            await self._engine.answer(inserted)
        except (Conflict, ValueError) as error:
            # An account stored twice collides in both; the id is what tells the two cases apart.
            if await self.get(record.id) is not None:
                raise Conflict("account_exists", "The account exists already.") from error
            raise

    async def get(self, account_id: AccountId) -> AccountRecord | None:
        """The account, or None."""
        return await self._one("accounts.get", {"_id": account_id})

    async def find_by_email(self, email_index: bytes) -> AccountRecord | None:
        """The account whose address has this blind index, or None."""
        return await self._one("accounts.find_by_email", {"email_index": email_index})

    async def save_profile(
        self,
        account_id: AccountId,
        *,
        name: bytes | None,
        locale: bytes | None,
        timezone: bytes | None,
        seen_updated_at: datetime,
        now: datetime,
    ) -> bool:
        """Replace the profile's fields if `updated_at` is still what the caller saw."""
        profile = {"sealed_name": name, "sealed_locale": locale, "sealed_timezone": timezone}
        return await self._update(
            {"_id": account_id, "updated_at": to_micros(seen_updated_at)},
            {"$set": profile | {"updated_at": to_micros(now)}},
        )

    async def change_password(
        self,
        account_id: AccountId,
        *,
        seen_epoch: int,
        password_hash: bytes | None,
        change: CredentialChange,
        proves_address: bool = False,
    ) -> bool:
        """Replace the password's hash and raise the epoch, with the change's record, at once."""
        verified = {"email_verified": True} if proves_address else {}
        return await self._update(
            {"_id": account_id, "epoch": seen_epoch},
            {
                "$set": {"sealed_password_hash": password_hash, **verified},
                "$inc": {"epoch": 1},
                "$max": {"updated_at": to_micros(change.created_at)},
                "$push": {"pending_changes": _pending(change)},
            },
        )

    async def verify_email(self, account_id: AccountId, *, seen_epoch: int, now: datetime) -> bool:
        """Mark the address as verified if the epoch has not moved."""
        return await self._update(
            {"_id": account_id, "epoch": seen_epoch},
            {"$set": {"email_verified": True}, "$max": {"updated_at": to_micros(now)}},
        )

    async def change_email(
        self, account_id: AccountId, change: AddressChange, *, seen_epoch: int
    ) -> bool:
        """Replace the address and raise the epoch, with the changes' records, at once."""
        address: Document = {
            "sealed_email": change.email,
            "email_index": change.email_index,
            "email_verified": True,
            "sealed_former_emails": change.former_emails,
            "former_emails_until": optional_micros(change.former_until),
        }
        if change.drops_password:
            address["sealed_password_hash"] = None
        gone = {name: "" for name, value in address.items() if value is None}
        return await self._update(
            {"_id": account_id, "epoch": seen_epoch},
            {
                "$set": stored(address),
                **({"$unset": gone} if gone else {}),
                "$inc": {"epoch": 1},
                "$max": {"updated_at": to_micros(change.now)},
                "$push": {"pending_changes": {"$each": list(map(_pending, change.changes))}},
            },
        )

    async def release_email(
        self, account_id: AccountId, *, seen_epoch: int, email: bytes, email_index: bytes
    ) -> bool:
        """Take the address and the password from an account that has not verified it."""
        return await self._update(
            {"_id": account_id, "epoch": seen_epoch, "email_verified": False},
            {
                "$set": {"sealed_email": email, "email_index": email_index},
                "$unset": {"sealed_password_hash": ""},
                "$inc": {"epoch": 1},
            },
        )

    async def forget_former_emails(self, *, before: datetime) -> int:
        """Drop former addresses that are of no use any more; of how many accounts."""
        dropped = self._engine.writing("accounts").update_many(
            {"former_emails_until": {"$lt": to_micros(before)}},
            {"$unset": {"sealed_former_emails": "", "former_emails_until": ""}},
        )
        return (await self._engine.answer(dropped)).modified_count

    async def raise_epoch(self, account_id: AccountId, *, seen_epoch: int) -> bool:
        """Raise the epoch by one if it is still `seen_epoch`."""
        return await self._update({"_id": account_id, "epoch": seen_epoch}, {"$inc": {"epoch": 1}})

    async def save_password_hash(
        self, account_id: AccountId, *, seen_epoch: int, password_hash: bytes
    ) -> bool:
        """Store a stronger hash of the same password if the epoch has not moved."""
        return await self._update(
            {"_id": account_id, "epoch": seen_epoch},
            {"$set": {"sealed_password_hash": password_hash}},
        )

    async def pending(self, *, due: datetime, limit: int) -> Sequence[PendingEntry]:  # noqa: ARG002 - a change is due at once
        """Changes that the ledger has given no index yet, oldest first."""
        found = (
            self._engine.reading("accounts.pending")
            .find(_WITH_CHANGES, {"pending_changes": 1})
            .sort("pending_changes.created_at", 1)
            .limit(limit)
        )
        accounts = await self._engine.answer(found.to_list())
        changes = [change for account in accounts for change in account["pending_changes"]]
        changes.sort(key=lambda change: (change["created_at"], change["id"]))
        return [PendingEntry(each["id"], each["entry"]) for each in changes[:limit]]

    async def record_placed(self, placed: Sequence[Placed]) -> None:
        """Copy each change with its index into `credential_changes`, then take it out here.

        Whatever a failure leaves undone is still pending, and is done when this is repeated.
        """
        indexes = {one.row_id: one.index for one in placed}
        if not indexes:
            return
        found = self._engine.reading("accounts.pending").find(
            _WITH_CHANGES | {"pending_changes.id": {"$in": list(indexes)}}, {"pending_changes": 1}
        )
        accounts = await self._engine.answer(found.to_list())
        if not accounts:
            return
        copies = [
            _copied(account["_id"], change, indexes[change["id"]])
            for account in accounts
            for change in account["pending_changes"]
            if change["id"] in indexes
        ]
        await self._write_all("credential_changes", copies)
        owners = {"_id": {"$in": [account["_id"] for account in accounts]}}
        collection = self._engine.writing("accounts")
        await self._engine.answer(
            collection.update_many(
                owners, {"$pull": {"pending_changes": {"id": {"$in": list(indexes)}}}}
            )
        )
        await self._engine.answer(
            collection.update_many(
                owners | {"pending_changes": {"$size": 0}}, {"$unset": {"pending_changes": ""}}
            )
        )

    async def _one(self, purpose: str, which: Document) -> AccountRecord | None:
        found = self._engine.reading(purpose).find_one(which, _WITHOUT_CHANGES)
        document = await self._engine.answer(found)
        return None if document is None else _from_document(document)

    async def _update(self, which: Document, change: Document) -> bool:
        updated = self._engine.writing("accounts").update_one(which, change)
        return (await self._engine.answer(updated)).matched_count == 1

    async def _write_all(self, name: str, updates: Sequence[UpdateOne]) -> None:
        collection = self._engine.writing(name)
        await self._engine.answer(collection.bulk_write(updates, ordered=False))


def _pending(change: CredentialChange) -> Document:
    return {
        "id": change.id,
        "kind": change.kind,
        "created_at": to_micros(change.created_at),
        "entry": change.entry,
    }


def _copied(account_id: bytes, change: Document, index: int) -> UpdateOne:
    document = {
        "account_id": account_id,
        "kind": change["kind"],
        "created_at": change["created_at"],
        "entry": change["entry"],
        "entry_index": index,
    }
    return UpdateOne({"_id": change["id"]}, {"$setOnInsert": document}, upsert=True)


def _to_document(record: AccountRecord) -> Document:
    return stored(
        {
            "_id": record.id,
            "sealed_email": record.email,
            "email_index": record.email_index,
            "email_verified": record.email_verified,
            "sealed_password_hash": record.password_hash,
            "sealed_name": record.name,
            "sealed_locale": record.locale,
            "sealed_timezone": record.timezone,
            "sealed_ledger_key": record.ledger_key,
            "epoch": record.epoch,
            "created_at": to_micros(record.created_at),
            "updated_at": to_micros(record.updated_at),
            "sealed_former_emails": record.former_emails,
        }
    )


def _from_document(document: Document) -> AccountRecord:
    return AccountRecord(
        id=document["_id"],
        email=document["sealed_email"],
        email_index=document["email_index"],
        email_verified=document["email_verified"],
        password_hash=document.get("sealed_password_hash"),
        name=document.get("sealed_name"),
        locale=document.get("sealed_locale"),
        timezone=document.get("sealed_timezone"),
        ledger_key=document["sealed_ledger_key"],
        epoch=int(document["epoch"]),
        created_at=from_micros(document["created_at"]),
        updated_at=from_micros(document["updated_at"]),
        former_emails=document.get("sealed_former_emails"),
    )
