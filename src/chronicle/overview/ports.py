"""What an overview needs of the world: one read that gathers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chronicle.auth.ports import SessionRecord
from chronicle.security.ports import EventRecord
from chronicle.uploads.ports import UploadRecord
from chronicle.users.ports import AccountId, ProfileRecord


class Part(StrEnum):
    """What can be asked for beside the profile."""

    LOGIN_EVENTS = "login_events"
    SESSIONS = "sessions"
    UPLOADS = "uploads"


@dataclass(frozen=True, slots=True)
class GatheredRecords:
    """A profile and the parts that were asked for, newest first, sealed as stored.

    A part that was not asked for is empty.
    """

    profile: ProfileRecord
    login_events: Sequence[EventRecord]
    sessions: Sequence[SessionRecord]
    uploads: Sequence[UploadRecord]


class Overviews(Protocol):
    """Reads across the tables of accounts, sessions, events and uploads."""

    async def gather(
        self, account_id: AccountId, parts: frozenset[Part], *, now: datetime, limit: int
    ) -> GatheredRecords | None:
        """The profile with the newest of each part; None without such an account.

        At most `limit` of each; sessions are those that are live, as `Sessions.live_of` has them.
        One statement or pipeline, so one round trip, whatever is asked for. Everything that was
        acknowledged before the call is in it. Whether all of it stands as at one moment depends on
        the engine.
        """
