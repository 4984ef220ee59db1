"""The uploads table."""

from collections.abc import Sequence

from chronicle.errors import Conflict
from chronicle.uploads.ports import UploadRecord
from chronicle.users.ports import AccountId
from tests.fakes.database.entries import EntryRows
from tests.fakes.database.rows import MemoryDatabase, refuse_second
from tests.fakes.faults import Faults, step


class InMemoryUploads(EntryRows):
    """`uploads.ports.Uploads` and `ledger.ports.EntrySource`."""

    label = "uploads"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        super().__init__("uploads", database.uploads, faults, order="created_at", waits=False)

    @step
    def add(self, record: UploadRecord) -> None:
        refuse_second(self.rows, record.id)
        if record.key_index is not None and self._with_key(record.key_index):
            raise Conflict("idempotency_key_taken")
        self.rows[record.id] = record

    @step
    def get(self, account_id: AccountId, upload_id: bytes) -> UploadRecord | None:
        row = self.rows.get(upload_id)
        return row if row is not None and row.account_id == account_id else None

    @step
    def find_by_key(self, key_index: bytes) -> UploadRecord | None:
        return self._with_key(key_index)

    @step
    def page(
        self, account_id: AccountId, *, before: bytes | None, limit: int
    ) -> Sequence[UploadRecord]:
        return newest(self.rows, account_id, before=before)[:limit]

    @step
    def has_cid(self, cid: str) -> bool:
        return any(row.cid == cid for row in self.rows.values())

    def _with_key(self, key_index: bytes) -> UploadRecord | None:
        return next((row for row in self.rows.values() if row.key_index == key_index), None)


def newest(
    uploads: dict[bytes, UploadRecord], account_id: bytes, *, before: bytes | None = None
) -> list[UploadRecord]:
    """An account's uploads, newest first."""
    mine = [row for row in uploads.values() if row.account_id == account_id]
    mine.sort(key=lambda row: row.id, reverse=True)
    return [row for row in mine if before is None or row.id < before]
