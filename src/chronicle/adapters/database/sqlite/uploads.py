"""The uploads table, and its rows as a source of ledger entries."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from chronicle.adapters.database.sqlite.engine import Engine, from_micros, to_micros
from chronicle.adapters.database.sqlite.entries import EntryColumns
from chronicle.errors import Conflict
from chronicle.uploads.ports import UploadRecord
from chronicle.users.ports import AccountId

COLUMNS = (
    "id, account_id, cid, profile, size, media_type, sealed_name, sealed_note, visibility, "
    "pin_provider, pin_status, entry, entry_index, created_at, key_index"
)


class SqliteUploads(EntryColumns):
    """`uploads.ports.Uploads` and `ledger.ports.EntrySource` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, table="uploads", order="created_at", waits=False)

    async def add(self, record: UploadRecord) -> None:
        """Store one event with its pending entry in the same write."""
        row = (
            record.id,
            record.account_id,
            record.cid,
            record.profile,
            record.size,
            record.media_type,
            record.name,
            record.note,
            record.visibility,
            record.pin_provider,
            record.pin_status,
            record.entry,
            record.entry_index,
            to_micros(record.created_at),
            record.key_index,
        )
        marks = ",".join("?" * len(row))
        try:
            await self._engine.write(
                lambda db: db.execute(f"INSERT INTO uploads ({COLUMNS}) VALUES ({marks})", row)
            )
        except sqlite3.IntegrityError as error:
            if "uploads.key_index" in str(error):
                raise Conflict("idempotency_key_taken", "The key was used before.") from error
            raise

    async def get(self, account_id: AccountId, upload_id: bytes) -> UploadRecord | None:
        """The event, or None unless it exists and is this account's."""
        row = self._engine.one(
            f"SELECT {COLUMNS} FROM uploads WHERE id = ? AND account_id = ?",
            (upload_id, account_id),
        )
        return None if row is None else from_row(row)

    async def find_by_key(self, key_index: bytes) -> UploadRecord | None:
        """The event that was stored with this key, or None."""
        row = self._engine.one(f"SELECT {COLUMNS} FROM uploads WHERE key_index = ?", (key_index,))
        return None if row is None else from_row(row)

    async def page(
        self, account_id: AccountId, *, before: bytes | None, limit: int
    ) -> Sequence[UploadRecord]:
        """An account's events, newest first, from below `before`."""
        rows = self._engine.all(
            f"SELECT {COLUMNS} FROM uploads WHERE account_id = ? AND id < ? "
            "ORDER BY id DESC LIMIT ?",
            (account_id, before or b"\xff" * 17, limit),
        )
        return list(map(from_row, rows))

    async def has_cid(self, cid: str) -> bool:
        """Whether any event refers to this CID."""
        return self._engine.one("SELECT 1 FROM uploads WHERE cid = ?", (cid,)) is not None


def from_row(row: tuple[Any, ...]) -> UploadRecord:
    """An upload event from its `COLUMNS`."""
    return UploadRecord(
        id=row[0],
        account_id=row[1],
        cid=row[2],
        profile=row[3],
        size=row[4],
        media_type=row[5],
        name=row[6],
        note=row[7],
        visibility=row[8],
        pin_provider=row[9],
        pin_status=row[10],
        entry=row[11],
        entry_index=row[12],
        created_at=from_micros(row[13]),
        key_index=row[14],
    )
