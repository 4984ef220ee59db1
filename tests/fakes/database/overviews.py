"""Reads that gather an account with its histories."""

from datetime import datetime

from chronicle.overview.ports import GatheredRecords, Part
from chronicle.users.ports import AccountId
from tests.fakes.database import events, uploads
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.sessions import live_of, profile
from tests.fakes.faults import Faults, step


class InMemoryOverviews:
    """`overview.ports.Overviews`."""

    label = "overviews"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._database = database

    @step
    def gather(
        self, account_id: AccountId, parts: frozenset[Part], *, now: datetime, limit: int
    ) -> GatheredRecords | None:
        database = self._database
        account = database.accounts.get(account_id)
        if account is None:
            return None
        gathered = GatheredRecords(
            profile=profile(account),
            login_events=events.newest(database.events, account_id)[:limit],
            sessions=live_of(database, account_id, now)[:limit],
            uploads=uploads.newest(database.uploads, account_id)[:limit],
        )
        for part in set(Part) - parts:
            getattr(gathered, part).clear()
        return gathered
