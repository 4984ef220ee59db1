"""What a granted sign-in leaves."""

from chronicle.auth.ports import Granted
from chronicle.security.ports import DeviceUse, GuessCount
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
