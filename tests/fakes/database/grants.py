"""What a granted sign-in leaves."""

from contextlib import suppress

from chronicle.auth.ports import Granted
from chronicle.errors import Unavailable
from chronicle.security.ports import DeviceUse
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
    def add(self, granted: Granted) -> None:
        database = self._database
        refuse_second(database.events, granted.event.id)
        refuse_second(database.sessions, granted.session.id)
        if isinstance(granted.device, DeviceUse):
            touch_device(database.known_devices, granted.device)
        elif granted.device is not None:
            insert_device(database.known_devices, granted.device, granted.keep_devices)
        database.events[granted.event.id] = granted.event
        database.sessions[granted.session.id] = granted.session
        if granted.settled is not None:
            database.guess_counts.pop(granted.settled, None)


class GrantsInParts:
    """`auth.ports.Grants` where each row is a write of its own: the event first, then the rest."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, granted: Granted) -> None:
        tables = self._tables
        await tables.events.add(granted.event)
        await tables.sessions.add(granted.session)
        with suppress(Unavailable):
            if isinstance(granted.device, DeviceUse):
                await tables.known_devices.touch(granted.device)
            elif granted.device is not None:
                await tables.known_devices.add(granted.device, keep=granted.keep_devices)
        if granted.settled is not None:
            await tables.guess_counts.clear(*granted.settled)
