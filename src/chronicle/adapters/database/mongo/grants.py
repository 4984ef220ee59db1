"""What a granted sign-in leaves: the event, and once that stands the rest, all at once."""

import asyncio
import logging

from chronicle.adapters.database.mongo.engine import Engine
from chronicle.adapters.database.mongo.events import MongoEvents
from chronicle.adapters.database.mongo.guess_counts import MongoGuessCounts
from chronicle.adapters.database.mongo.known_devices import MongoKnownDevices
from chronicle.adapters.database.mongo.sessions import MongoSessions
from chronicle.auth.ports import Granted
from chronicle.errors import Unavailable
from chronicle.security.ports import DeviceUse

_log = logging.getLogger(__name__)


class MongoGrants:
    """`auth.ports.Grants` on MongoDB, without a transaction: each document is a write of its own.

    What is left behind by a failure needs no clearing up: an event whose session never came about,
    or a session whose tokens nobody has.
    """

    def __init__(self, engine: Engine) -> None:
        self._events = MongoEvents(engine)
        self._sessions = MongoSessions(engine)
        self._guess_counts = MongoGuessCounts(engine)
        self._known_devices = MongoKnownDevices(engine)

    async def add(self, granted: Granted) -> None:
        """Store the event, then the session, the device and that the guess no longer counts."""
        await self._events.add(granted.event)
        following = [self._sessions.add(granted.session), self._store_device(granted)]
        if granted.settled is not None:
            following.append(self._guess_counts.clear(*granted.settled))
        # Each is waited for, so that none goes on unwatched when another fails.
        for outcome in await asyncio.gather(*following, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _store_device(self, granted: Granted) -> None:
        try:
            if isinstance(granted.device, DeviceUse):
                await self._known_devices.touch(granted.device)
            elif granted.device is not None:
                await self._known_devices.add(granted.device, keep=granted.keep_devices)
        except Unavailable:
            _log.exception("a device could not be remembered")
