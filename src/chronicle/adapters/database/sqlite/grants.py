"""What a granted sign-in leaves, in one transaction."""

import sqlite3
from functools import partial

from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.events import insert_event
from chronicle.adapters.database.sqlite.guess_counts import delete_count
from chronicle.adapters.database.sqlite.known_devices import insert_device, touch_device
from chronicle.adapters.database.sqlite.sessions import insert_session
from chronicle.auth.ports import Granted
from chronicle.security.ports import DeviceUse


class SqliteGrants:
    """`auth.ports.Grants` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, granted: Granted) -> None:
        """Store all of it or nothing."""
        await self._engine.write(partial(_insert, granted=granted))


def _insert(db: sqlite3.Connection, granted: Granted) -> None:
    insert_event(db, granted.event)
    insert_session(db, granted.session)
    if granted.settled is not None:
        delete_count(db, *granted.settled)
    if isinstance(granted.device, DeviceUse):
        touch_device(db, granted.device)
    elif granted.device is not None:
        insert_device(db, granted.device, granted.keep_devices)
