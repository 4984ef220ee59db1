"""The rows of every table, shared by whoever is connected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chronicle.auth.ports import SessionRecord, WaitingMail
from chronicle.ledger.ports import StoredCheckpoint
from chronicle.security.ports import (
    BlockRecord,
    EventRecord,
    GuessCount,
    KnownDeviceRecord,
    MailedTokenRecord,
)
from chronicle.uploads.ports import UploadRecord
from chronicle.users.ports import AccountRecord


@dataclass
class LoggedRow:
    """A row of which only what the ledger needs is kept."""

    id: bytes
    entry: bytes
    due: datetime
    entry_index: int | None = None


@dataclass
class MailRow:
    """What the queue knows of one mail. The content of one that is done is empty."""

    mail: WaitingMail
    due_at: datetime
    state: str = "waiting"
    reason: str | None = None
    done_at: datetime | None = None


@dataclass
class MemoryDatabase:
    """Rows by their id. `checkpoints` holds every one that ever stood."""

    accounts: dict[bytes, AccountRecord] = field(default_factory=dict)
    former_until: dict[bytes, datetime] = field(default_factory=dict)
    credential_changes: dict[bytes, LoggedRow] = field(default_factory=dict)
    sessions: dict[bytes, SessionRecord] = field(default_factory=dict)
    events: dict[bytes, EventRecord] = field(default_factory=dict)
    mailed_tokens: dict[bytes, MailedTokenRecord] = field(default_factory=dict)
    spent_tokens: set[bytes] = field(default_factory=set)
    blocks: dict[bytes, BlockRecord] = field(default_factory=dict)
    blocks_revision: int = 0
    guess_counts: dict[tuple[str, bytes], GuessCount] = field(default_factory=dict)
    known_devices: dict[bytes, KnownDeviceRecord] = field(default_factory=dict)
    mails: dict[bytes, MailRow] = field(default_factory=dict)
    uploads: dict[bytes, UploadRecord] = field(default_factory=dict)
    checkpoints: list[StoredCheckpoint] = field(default_factory=list)
    highest_time: datetime | None = None


def refuse_second(rows: Mapping[bytes, object], row_id: bytes) -> None:
    """What a second row with an id is: a bug."""
    if row_id in rows:
        raise ValueError("there is a row with this id already")
