"""What a granted sign-in leaves."""

from contextlib import suppress

from chronicle.auth.ports import Granted
from chronicle.errors import Unavailable
from chronicle.security.ports import DeviceUse, GuessCount
from chronicle.wiring.databases import Tables
from tests.fakes.database.known_devices import insert_device, touch_device
from tests.fakes.database.rows import MemoryDatabase, refuse_second
from tests.fakes.faults import Faults, step


class InMemoryGrants:
    """`auth.ports.Grants`, all at once."""

    label = "grants"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._database = database

    @step
    def add(self, granted: Granted) -> GuessCount | None:
        database, guess = self._database, granted.guess
        if guess is not None:
            seen = database.guess_counts.get((guess.purpose, guess.subject))
            locked = seen is not None and guess.rule.counted(seen, guess.at) is None
            if locked and not guess.counted:
                return seen
        refuse_second(database.events, granted.event.id)
        refuse_second(database.sessions, granted.session.id)
        if isinstance(granted.device, DeviceUse):
            touch_device(database.known_devices, granted.device)
        elif granted.device is not None:
            insert_device(database.known_devices, granted.device, granted.keep_devices)
        database.events[granted.event.id] = granted.event
        database.sessions[granted.session.id] = granted.session
        if guess is not None:
            database.guess_counts.pop((guess.purpose, guess.subject), None)
        return None


class GrantsInParts:
    """`auth.ports.Grants` where each row is a write of its own, as on MongoDB."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, granted: Granted) -> GuessCount | None:
        counts, guess = self._tables.guess_counts, granted.guess
        if guess is None:
            await self._store(granted)
            return None
        if guess.counted:
            await self._store(granted)
            await counts.clear(guess.purpose, guess.subject)
            return None
        counted, met = await counts.count(
            guess.purpose, guess.subject, rule=guess.rule, now=guess.at
        )
        if not counted:
            return met
        try:
            await self._store(granted)
        except Exception:
            await counts.give_back(guess.purpose, guess.subject, rule=guess.rule)
            raise
        await counts.clear(guess.purpose, guess.subject)
        return None

    async def _store(self, granted: Granted) -> None:
        tables = self._tables
        await tables.events.add(granted.event)
        await tables.sessions.add(granted.session)
        with suppress(Unavailable):
            if isinstance(granted.device, DeviceUse):
                await tables.known_devices.touch(granted.device)
            elif granted.device is not None:
                await tables.known_devices.add(granted.device, keep=granted.keep_devices)
