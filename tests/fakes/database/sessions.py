"""The sessions table."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chronicle.auth.ports import Rotation, SessionId, SessionRecord
from chronicle.users.ports import AccountId, AccountRecord, ProfileRecord
from tests.fakes.database.rows import MemoryDatabase, refuse_second
from tests.fakes.faults import Faults, step


class InMemorySessions:
    """`auth.ports.Sessions`."""

    label = "sessions"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._database = database
        self._rows = database.sessions

    @step
    def add(self, record: SessionRecord) -> None:
        refuse_second(self._rows, record.id)
        self._rows[record.id] = record

    @step
    def get(self, session_id: SessionId) -> SessionRecord | None:
        return self._rows.get(session_id)

    @step
    def live_of(
        self, account_id: AccountId, *, now: datetime, before: bytes | None, limit: int
    ) -> Sequence[SessionRecord]:
        live = live_of(self._database, account_id, now)
        return [one for one in live if before is None or one.id < before][:limit]

    @step
    def live_owner(self, session_id: SessionId, *, now: datetime) -> ProfileRecord | None:
        session = self._rows.get(session_id)
        if session is None or not _is_live(self._database, session, now):
            return None
        return profile(self._database.accounts[session.account_id])

    @step
    def rotate(self, session_id: SessionId, rotation: Rotation) -> bool:
        session = self._unended(session_id)
        if session is None or session.refresh_hash != rotation.previous_hash:
            return False
        self._rows[session_id] = replace(
            session,
            generation=session.generation + 1,
            refresh_hash=rotation.refresh_hash,
            previous_hash=rotation.previous_hash,
            successor=rotation.successor,
            rotated_at=rotation.rotated_at,
            last_used_at=rotation.rotated_at,
            idle_expires_at=rotation.idle_expires_at,
        )
        return True

    @step
    def carry_over(self, session_id: SessionId, *, seen_epoch: int, epoch: int) -> None:
        session = self._unended(session_id)
        if session is not None and session.epoch == seen_epoch:
            self._rows[session_id] = replace(session, epoch=epoch)

    @step
    def end(self, session_id: SessionId, *, reason: str, now: datetime) -> bool:
        session = self._unended(session_id)
        if session is None:
            return False
        self._rows[session_id] = replace(session, ended_at=now, end_reason=reason, successor=None)
        return True

    @step
    def forget_successors(self, *, rotated_before: datetime) -> int:
        old = [
            one
            for one in self._rows.values()
            if one.successor is not None and one.rotated_at and one.rotated_at < rotated_before
        ]
        for session in old:
            self._rows[session.id] = replace(session, successor=None)
        return len(old)

    @step
    def forget(self, *, before: datetime) -> int:
        old = [one.id for one in self._rows.values() if one.expires_at < before]
        for session_id in old:
            del self._rows[session_id]
        return len(old)

    def _unended(self, session_id: bytes) -> SessionRecord | None:
        session = self._rows.get(session_id)
        return session if session is not None and session.ended_at is None else None


def live_of(database: MemoryDatabase, account_id: bytes, now: datetime) -> list[SessionRecord]:
    """An account's live sessions, newest first."""
    sessions = database.sessions.values()
    live = [
        one for one in sessions if one.account_id == account_id and _is_live(database, one, now)
    ]
    return sorted(live, key=lambda one: one.id, reverse=True)


def _is_live(database: MemoryDatabase, session: SessionRecord, now: datetime) -> bool:
    account = database.accounts.get(session.account_id)
    return (
        account is not None
        and session.ended_at is None
        and session.epoch == account.epoch
        and now < min(session.idle_expires_at, session.expires_at)
    )


def profile(record: AccountRecord) -> ProfileRecord:
    """What an account's owner sees of it."""
    fields = ProfileRecord.__struct_fields__
    return ProfileRecord(**{field: getattr(record, field) for field in fields})
