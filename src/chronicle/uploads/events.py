"""An upload event: in the clear, as it is stored, and as the ledger commits to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chronicle.ledger.entries import OpenedEntry, Value, compose, open_fields
from chronicle.ledger.kinds import Kind
from chronicle.ledger.merkle import leaf_hash
from chronicle.security.encryption import FieldCipher
from chronicle.uploads.ports import UploadRecord
from chronicle.users.ports import AccountId

_TABLE = "uploads"


@dataclass(frozen=True, slots=True)
class UploadEvent:
    """One file as its owner sees it. `index` is its entry's place in the ledger, when it has one.

    `leaf_hash` is the entry's RFC 6962 leaf hash.
    """

    id: bytes
    account_id: AccountId
    cid: str
    profile: str
    size: int
    media_type: str
    name: str
    note: str | None
    visibility: str
    pin_provider: str
    pin_status: str
    index: int | None
    leaf_hash: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A file whose bytes are kept, before it has an entry."""

    id: bytes
    account_id: AccountId
    cid: str
    profile: str
    size: int
    media_type: str
    name: str
    note: str | None
    visibility: str
    created_at: datetime


def seal(new: NewUpload, *, cipher: FieldCipher, ledger_key: bytes, nonce: bytes) -> UploadRecord:
    """The row for a new upload, with its pending entry in it."""
    entry = compose(
        Kind.UPLOAD_RECEIVED,
        _committed(new),
        ledger_key=ledger_key,
        nonce=nonce,
        at=new.created_at,
    )
    return UploadRecord(
        id=new.id,
        account_id=new.account_id,
        cid=new.cid,
        profile=new.profile,
        size=new.size,
        media_type=new.media_type,
        name=cipher.seal(new.name.encode(), table=_TABLE, record=new.id, field="name"),
        note=cipher.seal_text(new.note, table=_TABLE, record=new.id, field="note"),
        visibility=new.visibility,
        # Bytes in the local store are as pinned as they will be until a provider takes them.
        pin_provider="local",
        pin_status="pinned",
        entry=entry.entry,
        entry_index=None,
        created_at=new.created_at,
    )


def in_the_clear(record: UploadRecord, *, cipher: FieldCipher) -> UploadEvent:
    """Open what is sealed in a stored upload."""
    return UploadEvent(
        id=record.id,
        account_id=record.account_id,
        cid=record.cid,
        profile=record.profile,
        size=record.size,
        media_type=record.media_type,
        name=cipher.open(record.name, table=_TABLE, record=record.id, field="name").decode(),
        note=cipher.open_text(record.note, table=_TABLE, record=record.id, field="note"),
        visibility=record.visibility,
        pin_provider=record.pin_provider,
        pin_status=record.pin_status,
        index=record.entry_index,
        leaf_hash=leaf_hash(record.entry),
        created_at=record.created_at,
    )


def open_entry(record: UploadRecord, event: UploadEvent, *, ledger_key: bytes) -> OpenedEntry:
    """The stored entry with all its fields opened."""
    return open_fields(record.entry, Kind.UPLOAD_RECEIVED, _committed(event), ledger_key=ledger_key)


def _committed(upload: NewUpload | UploadEvent) -> Mapping[str, Value]:
    """What the entry commits to. For good: an old entry opens only to exactly these."""
    fields: dict[str, Value] = {
        "owner": str(UUID(bytes=upload.account_id)),
        "cid": upload.cid,
        "size": upload.size,
        "name": upload.name,
        "profile": upload.profile,
        "media_type": upload.media_type,
        "visibility": upload.visibility,
    }
    if upload.note is not None:
        fields["note"] = upload.note
    return fields
