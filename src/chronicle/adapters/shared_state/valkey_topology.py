"""Where the servers are: what all topologies have in common, and the one with a single server."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from chronicle.adapters.shared_state.valkey_link import Late, LinkFailed, Manner, Place, Reply
from chronicle.adapters.shared_state.valkey_node import Node

_log = logging.getLogger("chronicle.valkey")

# How soon it is looked again where the servers are, when the answer was none or is in doubt.
_SOON_SECONDS = 0.1


class Topology(Protocol):
    """Knows which server keeps what. Deadlines are in the time of the event loop."""

    @property
    def nodes(self) -> Sequence[Node]:
        """The servers that keep something, as far as is known."""

    async def node_for(self, key: bytes, deadline: float) -> Node:
        """The server that keeps a key. LinkFailed when none is known in time."""

    def redirected(self, reply: Reply) -> Node:
        """The server that a reply (`MOVED`, `ASK`) sends on to. LinkFailed when it names none."""

    def doubt(self) -> None:
        """A server was not what it should be: look again where they are, and soon."""

    async def takes_writes(self, deadline: float) -> bool:
        """Whether all that may be kept can be kept now. LinkFailed when that is not known."""

    async def close(self) -> None:
        """Close every connection."""


class Single:
    """One server, always the same."""

    def __init__(self, place: Place, manner: Manner) -> None:
        self._node = Node(place, manner)

    @property
    def nodes(self) -> Sequence[Node]:
        """The one."""
        return (self._node,)

    async def node_for(self, key: bytes, deadline: float) -> Node:  # noqa: ARG002
        """The one."""
        return self._node

    def redirected(self, reply: Reply) -> Node:
        """None: LinkFailed."""
        raise LinkFailed(f"this is a Cluster, write redis+cluster://: {reply}")

    def doubt(self) -> None:
        """There is nowhere else to look."""

    async def takes_writes(self, deadline: float) -> bool:
        """Whether it does."""
        return await takes_writes(self._node, deadline)

    async def close(self) -> None:
        """Close the connection."""
        await self._node.close()


async def takes_writes(node: Node, deadline: float) -> bool:
    """Whether a write is accepted: a replica, or a server that is loading, answers PING as well."""
    return not isinstance(await node.ask(("DEL", "chronicle:health"), deadline=deadline), Reply)


class Watch:
    """Looks where the servers are, again and again: seldom, and soon when there is doubt."""

    def __init__(self, look: Callable[[], Awaitable[bool]], *, every_seconds: float) -> None:
        """`look` answers whether it found what it looked for; it may raise LinkFailed."""
        self._look = look
        self._every_seconds = every_seconds
        self._found = asyncio.Event()
        self._doubt = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch())

    def doubt(self) -> None:
        """Look soon."""
        self._doubt.set()

    async def found(self, deadline: float) -> None:
        """Wait until it has found something for the first time. Late when it does not."""
        self.start()
        if self._found.is_set():
            return
        try:
            async with asyncio.timeout_at(deadline):
                await self._found.wait()
        except TimeoutError as error:
            raise Late("nobody says where the servers are") from error

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            self._doubt.clear()
            if await self._looked():
                self._found.set()
                # Also in doubt not at once: what was just looked at is the answer for a moment.
                await asyncio.sleep(_SOON_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._every_seconds):
                        await self._doubt.wait()
            else:
                await asyncio.sleep(_SOON_SECONDS)

    async def _looked(self) -> bool:
        try:
            return await self._look()
        except LinkFailed:
            return False
        except Exception:  # noqa: BLE001 - nothing would follow a failover if the watch ended
            _log.exception("valkey's topology can't be read")
            return False
