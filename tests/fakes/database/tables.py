"""Every table, in memory."""

from chronicle.errors import Unavailable
from chronicle.wiring.databases import Tables
from tests.fakes.database.accounts import InMemoryAccounts
from tests.fakes.database.blocks import InMemoryBlocks
from tests.fakes.database.checkpoints import InMemoryCheckpoints
from tests.fakes.database.clock_floor import InMemoryClockFloor
from tests.fakes.database.events import InMemoryEvents
from tests.fakes.database.grants import InMemoryGrants
from tests.fakes.database.guess_counts import InMemoryGuessCounts
from tests.fakes.database.known_devices import InMemoryKnownDevices
from tests.fakes.database.mailed_tokens import InMemoryMailedTokens
from tests.fakes.database.mails import InMemoryMails
from tests.fakes.database.overviews import InMemoryOverviews
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.sessions import InMemorySessions
from tests.fakes.database.uploads import InMemoryUploads
from tests.fakes.faults import Faults


def memory_tables(database: MemoryDatabase, faults: Faults | None = None) -> Tables:
    """Every table of one database, as one process sees it: they fail together."""
    faults = faults or Faults()

    async def database_is_up() -> bool:
        try:
            await faults.through("database_is_up", lambda: None)
        except Unavailable:
            return False
        return True

    return Tables(
        accounts=InMemoryAccounts(database, faults),
        sessions=InMemorySessions(database, faults),
        events=InMemoryEvents(database, faults),
        grants=InMemoryGrants(database, faults),
        mailed_tokens=InMemoryMailedTokens(database, faults),
        blocks=InMemoryBlocks(database, faults),
        guess_counts=InMemoryGuessCounts(database, faults),
        known_devices=InMemoryKnownDevices(database, faults),
        mails=InMemoryMails(database, faults),
        uploads=InMemoryUploads(database, faults),
        overviews=InMemoryOverviews(database, faults),
        checkpoints=InMemoryCheckpoints(faults, database.checkpoints),
        clock_floor=InMemoryClockFloor(database, faults),
        database_is_up=database_is_up,
    )
