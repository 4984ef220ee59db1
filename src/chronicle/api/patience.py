"""How long a client may take over an upload."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chronicle.errors import Rejected
from chronicle.settings import Settings

T = TypeVar("T")


class Patience:
    """Waits for the pieces of one body: neither long for one, nor for ever for all.

    What counts is the time that was spent waiting. A client that is held up because this server is
    slow loses nothing by it.
    """

    __slots__ = ("_came", "_grace", "_now", "_per_second", "_stall", "_waited")

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        """`now` is a clock in seconds that never goes back."""
        self._stall = settings.stall_seconds
        self._grace = settings.upload_grace_seconds
        self._per_second = settings.upload_bytes_per_second
        self._now = now
        self._waited = 0.0
        self._came = 0

    async def wait(self, receive: Callable[[], Awaitable[T]]) -> T:
        """What is received next.

        Raises:
            Rejected: `too_slow`: nothing came for too long, or too little altogether.
        """
        allowance = self._grace + self._came / self._per_second - self._waited
        began = self._now()
        try:
            async with asyncio.timeout(min(self._stall, allowance)):
                received = await receive()
        except TimeoutError as error:
            raise Rejected("too_slow", self._complaint(allowance)) from error
        self._waited += self._now() - began
        return received

    def took(self, count: int) -> None:
        """So many bytes came."""
        self._came += count

    def _complaint(self, allowance: float) -> str:
        if self._stall <= allowance:
            return f"Nothing came for {self._stall} seconds."
        return f"An upload has to bring {self._per_second} bytes a second on average."
