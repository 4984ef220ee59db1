"""What a granted sign-in leaves, in one transaction."""

import sqlite3
from functools import partial

from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.events import insert_event
from chronicle.adapters.database.sqlite.guess_counts import delete_count, read_count
from chronicle.adapters.database.sqlite.known_devices import insert_device, touch_device
from chronicle.adapters.database.sqlite.sessions import insert_session
from chronicle.auth.ports import Granted
from chronicle.security.ports import DeviceUse, GuessCount


class SqliteGrants:
    """`auth.ports.Grants` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, granted: Granted) -> GuessCount | None:
        """Store all of it or nothing."""
        return await self._engine.write(partial(_insert, granted=granted))


def _insert(db: sqlite3.Connection, granted: Granted) -> GuessCount | None:
    guess = granted.guess
    seen = guess and read_count(db, guess.purpose, guess.subject)
    if guess and seen:
        if not guess.counted and guess.rule.counted(seen, guess.at) is None:
            return seen
        delete_count(db, guess.purpose, guess.subject)
    insert_event(db, granted.event)
    insert_session(db, granted.session)
    if isinstance(granted.device, DeviceUse):
        touch_device(db, granted.device)
    elif granted.device is not None:
        insert_device(db, granted.device, granted.keep_devices)
    return None
