"""One server: the connection to it, opened when it is needed, and its circuit breaker."""

import asyncio
from typing import Any

from chronicle.adapters.shared_state.valkey_link import (
    GRACE_SECONDS,
    Late,
    Link,
    LinkFailed,
    Manner,
    Place,
    answer_by,
    open_link,
)
from chronicle.circuit import Circuit, CircuitState


class Resting(LinkFailed):
    """The circuit is open: nothing was tried."""


class Node:
    """One server. Its methods take a deadline in the time of the event loop."""

    def __init__(self, place: Place, manner: Manner) -> None:
        self.place = place
        self._manner = manner
        self._link: Link | None = None
        self._opening: asyncio.Task[Link] | None = None
        self._circuit = Circuit(str(place), lambda: asyncio.get_running_loop().time())

    @property
    def state(self) -> CircuitState:
        """The state of its circuit."""
        return self._circuit.state

    async def ask(self, *commands: tuple[Any, ...], deadline: float) -> Any:
        """Send commands together, and answer with the last one's reply; it may be an error.

        Raises:
            Resting: nothing was sent, as it did not answer before.
            LinkFailed: it can't be reached or did not answer in time; it may have been done.
        """
        began = asyncio.get_running_loop().time()
        if not self._circuit.enter():
            raise Resting(f"{self.place} does not answer")
        try:
            reply = await self._ask(commands, deadline)
        except LinkFailed:
            self._circuit.fail(began=began)
            raise
        except BaseException:
            self._circuit.abandon()
            raise
        self._circuit.succeed()
        return reply

    async def close(self) -> None:
        """Close the connection; calls under way fail."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._link is not None:
            await self._link.aclose()
            self._link = None

    async def _ask(self, commands: tuple[tuple[Any, ...], ...], deadline: float) -> Any:
        for attempt in (1, 2):
            link = self._link
            if link is None or not link.usable:
                link = await self._open(deadline)
            try:
                *before, last = link.send(*commands)
                for future in before:
                    future.cancel()  # nobody looks at these replies
                return await answer_by(last, deadline)
            except Late:
                link.retire()
                raise
            except LinkFailed:
                # One more try at once: a connection from before a restart may be found dead only
                # when it is used. Each script is safe to run twice, or errs on the side of fewer
                # guesses.
                if attempt == 2:
                    raise
            finally:
                if not link.usable:
                    link.retire()  # whoever leaves it last, also by being cancelled, closes it
        raise AssertionError("unreachable")

    async def _open(self, deadline: float) -> Link:
        """The one connection that all callers wait for, each until its own deadline.

        What opens it goes on beyond that: a handshake that takes longer than a call still ends.
        """
        if self._opening is None:
            self._opening = asyncio.create_task(self._connect())
            # Its failure has been seen, also when whoever waited has given up.
            self._opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        opening = self._opening
        patience = deadline - asyncio.get_running_loop().time()
        await asyncio.wait((opening,), timeout=max(patience, GRACE_SECONDS))
        if not opening.done():
            raise Late(f"{self.place} is not connected yet")
        if opening.cancelled():
            raise LinkFailed(f"{self.place}: the connection was closed")
        return opening.result()

    async def _connect(self) -> Link:
        try:
            self._link = await open_link(self.place, self._manner)
            return self._link
        finally:
            self._opening = None
