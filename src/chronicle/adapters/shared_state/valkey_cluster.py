"""A Cluster: 16384 slots, each kept by one of several primaries, and moved while all goes on."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from chronicle.adapters.shared_state.valkey_link import LinkFailed, Manner, Place, Reply
from chronicle.adapters.shared_state.valkey_node import Node
from chronicle.adapters.shared_state.valkey_topology import Watch

_log = logging.getLogger("chronicle.valkey")

_EVERY_SECONDS = 10.0
_LOOK_SECONDS = 0.5


class Cluster:
    """The primaries of a Cluster and their slots, as one of its nodes last told them."""

    def __init__(self, seeds: Sequence[Place], manner: Manner) -> None:
        self._seeds = tuple(seeds)
        self._manner = manner
        self._known: dict[Place, Node] = {}
        self._slots: list[Node | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._looks = 0
        self._watch = Watch(self._look, every_seconds=_EVERY_SECONDS)

    @property
    def nodes(self) -> Sequence[Node]:
        """The primaries that have slots."""
        return tuple({node.place: node for node in self._slots if node is not None}.values())

    async def node_for(self, key: bytes, deadline: float) -> Node:
        """The primary that has the key's slot."""
        slot = key_slot(key)
        node = self._slots[slot]
        if node is None:
            await self._watch.found(deadline)
            node = self._slots[slot]
        if node is None:
            self.doubt()
            raise LinkFailed(f"no node of the Cluster keeps slot {slot}")
        return node

    def redirected(self, reply: Reply) -> Node:
        """The node in `MOVED slot host:port`, which keeps that slot from now on, or in `ASK`."""
        try:
            kind, slot, address = str(reply).split()
            host, _, port = address.rpartition(":")
            node = self._node(Place(host.strip("[]"), int(port)))
        except ValueError as error:
            raise LinkFailed(f"can't follow {reply}") from error
        if not node.place.host:
            raise LinkFailed(f"the Cluster does not know its nodes' addresses: {reply}")
        if kind == "MOVED":
            self._slots[int(slot)] = node
            self.doubt()
        return node

    def doubt(self) -> None:
        """Have the slots told again."""
        self._watch.doubt()

    async def takes_writes(self, deadline: float) -> bool:
        """Whether every slot is kept by a primary that answers and finds the Cluster whole."""
        await self._watch.found(deadline)
        if any(node is None for node in self._slots):
            return False
        infos = await asyncio.gather(
            *(node.ask(("CLUSTER", "INFO"), deadline=deadline) for node in self.nodes)
        )
        return all(isinstance(info, bytes) and b"cluster_state:ok" in info for info in infos)

    async def close(self) -> None:
        """Close every connection."""
        await self._watch.stop()
        await asyncio.gather(*(node.close() for node in self._known.values()))

    def _node(self, place: Place) -> Node:
        if place not in self._known:
            self._known[place] = Node(place, self._manner)
        return self._known[place]

    async def _look(self) -> bool:
        # Another one is asked first each time: one that was cut off tells what was once.
        places = list(dict.fromkeys((*self._known, *self._seeds)))
        self._looks += 1
        start = self._looks % len(places)
        for place in places[start:] + places[:start]:
            deadline = asyncio.get_running_loop().time() + _LOOK_SECONDS
            try:
                reply = await self._node(place).ask(("CLUSTER", "SLOTS"), deadline=deadline)
            except LinkFailed:
                continue
            if isinstance(reply, list) and reply:
                await self._take(dict(_primaries(reply, place)))
                return True
        return False

    async def _take(self, told: dict[tuple[int, int], Place]) -> None:
        slots: list[Node | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for (first, last), place in told.items():
            slots[first : last + 1] = [self._node(place)] * (last + 1 - first)
        before, self._slots = self.nodes, slots
        after = {node.place for node in self.nodes}
        if before and after != {node.place for node in before}:
            _log.warning("valkey's cluster has changed", extra={"servers": sorted(map(str, after))})
        for place in self._known.keys() - after - set(self._seeds):
            await self._known.pop(place).close()


def _primaries(reply: list[Any], asked: Place) -> Iterator[tuple[tuple[int, int], Place]]:
    """The ranges of slots and their primaries in the reply to CLUSTER SLOTS."""
    for first, last, primary, *_ in reply:
        host = (primary[0] or b"").decode()
        if host != "?":  # it does not know that node's address
            # An empty one is that of whoever was asked.
            yield (first, last), Place(host or asked.host, primary[1])
