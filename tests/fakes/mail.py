"""A transport in memory, that takes mail or not as a test has told it."""

import asyncio
from collections import deque
from datetime import datetime
from uuid import UUID

from chronicle.auth.ports import Mail


class ScriptedTransport:
    """`auth.ports.MailTransport`: takes everything, after the failures that it was told.

    `delivered` is what it took; `taken_then_lost` makes it take a mail and die of it.
    """

    def __init__(self) -> None:
        self.delivered: list[tuple[UUID, Mail]] = []
        self.attempts: list[UUID] = []
        self.failures: deque[BaseException] = deque()
        self.down: BaseException | None = None
        self.taken_then_lost: BaseException | None = None
        self.holds: asyncio.Event | None = None
        self.tried = asyncio.Event()

    async def deliver(self, mail: Mail, *, key: UUID, written_at: datetime) -> None:
        self.attempts.append(key)
        self.tried.set()
        if self.holds is not None:
            await self.holds.wait()
        if self.failures:
            raise self.failures.popleft()
        if self.down is not None:
            raise self.down
        self.delivered.append((key, mail))
        if self.taken_then_lost is not None:
            raise self.taken_then_lost
