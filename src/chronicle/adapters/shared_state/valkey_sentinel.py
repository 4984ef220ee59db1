"""A primary that Sentinels watch: they say which server it is, and it moves when one fails."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chronicle.adapters.shared_state.valkey_link import LinkFailed, Manner, Place, Reply
from chronicle.adapters.shared_state.valkey_node import Node
from chronicle.adapters.shared_state.valkey_topology import Watch, takes_writes
from chronicle.valkey_address import Login

_log = logging.getLogger("chronicle.valkey")

_EVERY_SECONDS = 1.0
_LOOK_SECONDS = 0.5


class Watched:
    """The primary of one service, as most Sentinels last agreed.

    All Sentinels are asked, and the answer with the highest epoch counts: one that was cut off from
    the others goes on naming the primary that it knew.
    """

    def __init__(
        self, service: str, sentinels: Sequence[Place], manner: Manner, sentinel_login: Login
    ) -> None:
        self._service = service
        self._manner = manner
        sentinel_manner = replace(manner, login=sentinel_login, database=0)
        self._sentinels = [Node(place, sentinel_manner) for place in sentinels]
        self._primary: Node | None = None
        self._watch = Watch(self._look, every_seconds=_EVERY_SECONDS)

    @property
    def nodes(self) -> Sequence[Node]:
        """The primary."""
        return () if self._primary is None else (self._primary,)

    async def node_for(self, key: bytes, deadline: float) -> Node:  # noqa: ARG002
        """The primary."""
        if self._primary is None:
            await self._watch.found(deadline)
        if self._primary is None:
            raise LinkFailed(f"no Sentinel knows a primary of {self._service}")
        return self._primary

    def redirected(self, reply: Reply) -> Node:
        """None: LinkFailed."""
        raise LinkFailed(f"a primary under Sentinel redirects: {reply}")

    def doubt(self) -> None:
        """Ask the Sentinels again."""
        self._watch.doubt()

    async def takes_writes(self, deadline: float) -> bool:
        """Whether the primary does."""
        return await takes_writes(await self.node_for(b"", deadline), deadline)

    async def close(self) -> None:
        """Close every connection."""
        await self._watch.stop()
        await asyncio.gather(*(node.close() for node in (*self.nodes, *self._sentinels)))

    async def _look(self) -> bool:
        deadline = asyncio.get_running_loop().time() + _LOOK_SECONDS
        command = ("SENTINEL", "MASTER", self._service)
        replies = await asyncio.gather(
            *(each.ask(command, deadline=deadline) for each in self._sentinels),
            return_exceptions=True,
        )
        told = [found for reply in replies if (found := _read(reply)) is not None]
        if not told:
            return False
        _, place = max(told, key=lambda each: each[0])
        if self._primary is not None and self._primary.place == place:
            return True
        node = Node(place, self._manner)
        if not await _is_primary(node):
            await node.close()
            return False
        await self._turn_to(node)
        return True

    async def _turn_to(self, node: Node) -> None:
        before, self._primary = self._primary, node
        if before is not None:
            _log.warning("valkey failed over", extra={"server": str(node.place)})
            await before.close()


def _read(reply: Any) -> tuple[int, Place] | None:
    """The epoch and the primary in the reply to SENTINEL MASTER: names and values in turn."""
    if not isinstance(reply, list):
        return None
    fields = dict(zip(reply[::2], reply[1::2], strict=False))
    try:
        host, port = fields[b"ip"].decode(), int(fields[b"port"])
        return int(fields[b"config-epoch"]), Place(host, port)
    except (KeyError, ValueError):
        return None


async def _is_primary(node: Node) -> bool:
    """Whether it takes itself for one: a Sentinel may name it before it has been promoted."""
    deadline = asyncio.get_running_loop().time() + _LOOK_SECONDS
    try:
        role = await node.ask(("ROLE",), deadline=deadline)
    except LinkFailed:
        return False
    # A user that may not ask is told so; then the Sentinels' word has to do.
    return isinstance(role, Reply) or role[0] == b"master"
