"""What a granted sign-in leaves: its guess, then the event, and then the rest, all at once."""

import asyncio
import logging

from chronicle.auth.ports import Granted, Sessions
from chronicle.errors import Unavailable
from chronicle.security.ports import DeviceUse, Events, GuessCount, GuessCounts, KnownDevices

_log = logging.getLogger(__name__)


class GrantsInParts:
    """`auth.ports.Grants` where each row or document is a write of its own, without a transaction.

    What is left behind by a failure needs no clearing up: an event whose session never came about,
    or a session whose tokens nobody has.
    """

    def __init__(
        self,
        *,
        events: Events,
        sessions: Sessions,
        guess_counts: GuessCounts,
        known_devices: KnownDevices,
    ) -> None:
        self._events = events
        self._sessions = sessions
        self._guess_counts = guess_counts
        self._known_devices = known_devices

    async def add(self, granted: Granted) -> GuessCount | None:
        """Count the guess as if it were wrong, store the rest, and let the count begin anew."""
        guess = granted.guess
        if guess is None or guess.counted:
            await self._store(granted)
            return None
        counts = self._guess_counts
        counted, met = await counts.count(
            guess.purpose, guess.subject, rule=guess.rule, now=guess.at
        )
        if not counted:
            return met
        try:
            await self._store(granted)
        except Exception:
            # It was right: whoever tries on through an outage is not locked out by it.
            await counts.give_back(guess.purpose, guess.subject, rule=guess.rule)
            raise
        return None

    async def _store(self, granted: Granted) -> None:
        await self._events.add(granted.event)
        following = [self._sessions.add(granted.session), self._store_device(granted)]
        if granted.guess is not None:
            following.append(self._guess_counts.clear(granted.guess.purpose, granted.guess.subject))
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
