"""What Chronicle asks of Valkey or Redis, be it one server, a primary under Sentinel or a Cluster.

Every call has a deadline, and every way in which it can fail is `Unavailable`. All the keys of one
call carry the same hash tag, so that a Cluster keeps them together. See docs/valkey.md.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from chronicle import valkey_address
from chronicle.adapters.shared_state.valkey_cluster import Cluster
from chronicle.adapters.shared_state.valkey_link import LinkFailed, Manner, Place, Reply
from chronicle.adapters.shared_state.valkey_node import Node
from chronicle.adapters.shared_state.valkey_sentinel import Watched
from chronicle.adapters.shared_state.valkey_topology import Single, Topology
from chronicle.circuit import CircuitState
from chronicle.errors import CannotStart, Unavailable
from chronicle.valkey_address import ValkeyAddress

_DEADLINE_SECONDS = 0.1
# So many calls are under way at a time, so that none is late for being behind too many others.
_TURNS = 16
_TURN_SECONDS = 0.5
# Redirections, a second try, a script to be loaded: more than this leads nowhere.
_MOST_STEPS = 8
_TRY_AGAIN_SECONDS = 0.01
# The server is there, and not the one to ask, or not now.
_ELSEWHERE = {"READONLY", "CLUSTERDOWN", "MASTERDOWN", "LOADING"}


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, and the hash by which a server that has run it knows it."""

    text: str
    sha1: str

    @classmethod
    def named(cls, name: str) -> "Script":
        """The one beside this file."""
        text = files(__package__).joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")
        return cls(text, hashlib.sha1(text.encode()).hexdigest())  # noqa: S324 - Valkey's choice


class Valkey:
    """The shared state. A call ends within 100 ms, redirections and second tries included.

    Sixteen are under way at a time; the others wait for their turn, half a second at most.
    """

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._turns = asyncio.Semaphore(_TURNS)

    async def run(self, script: Script, *, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run a script where its keys are; a server that does not know it yet learns it.

        Raises:
            Unavailable: it failed, or did not answer in time; it may have been done.
        """
        rest = (len(keys), *keys, *args)
        known, whole = ("EVALSHA", script.sha1, *rest), ("EVAL", script.text, *rest)
        return await self._call(keys[0], known, whole)

    async def ask(self, *command: Any, key: str) -> Any:
        """One command, sent to where the key is. Raises as `run`."""
        return await self._call(key, command, command)

    async def is_up(self, *, within_seconds: float = _DEADLINE_SECONDS) -> bool:
        """Whether everything that may be kept can be kept now."""
        try:
            return await self._topology.takes_writes(_now() + within_seconds)
        except LinkFailed:
            self._topology.doubt()
            return False

    @property
    def circuit(self) -> CircuitState:
        """The state of the worst circuit of all servers."""
        states = {node.state for node in self._topology.nodes}
        worst_first = (CircuitState.OPEN, CircuitState.HALF_OPEN)
        return next((each for each in worst_first if each in states), CircuitState.CLOSED)

    async def evicting(self) -> list[str]:
        """The servers that throw keys away when their memory is full, with their policies.

        Servers that do not answer, or do not tell, are not among them.
        """
        found = []
        for node in self._topology.nodes:
            policy = await _memory_policy(node)
            if policy not in (None, "noeviction"):
                found.append(f"{node.place} ({policy})")
        return found

    async def aclose(self) -> None:
        """Close every connection."""
        await self._topology.close()

    async def _call(self, key: str, command: tuple[Any, ...], whole: tuple[Any, ...]) -> Any:
        await self._take_turn()
        try:
            return await self._follow(key.encode(), command, whole)
        except LinkFailed as error:
            self._topology.doubt()
            raise Unavailable from error
        except Reply as error:
            raise Unavailable from error
        finally:
            self._turns.release()

    async def _take_turn(self) -> None:
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            raise Unavailable from error

    async def _follow(self, key: bytes, command: tuple[Any, ...], whole: tuple[Any, ...]) -> Any:
        """The reply, wherever servers send the call on to. LinkFailed or Reply when it fails."""
        deadline = _now() + _DEADLINE_SECONDS
        node = await self._topology.node_for(key, deadline)
        asking: tuple[tuple[str], ...] = ()
        for _ in range(_MOST_STEPS):
            reply = await node.ask(*asking, command, deadline=deadline)
            if not isinstance(reply, Reply):
                return reply
            if reply.kind in ("MOVED", "ASK"):
                node = self._topology.redirected(reply)
                asking = (("ASKING",),) if reply.kind == "ASK" else ()
            elif reply.kind == "NOSCRIPT" and command is not whole:
                command = whole
            elif reply.kind == "TRYAGAIN":  # its keys are being moved, one by one
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
            elif reply.kind in _ELSEWHERE:
                raise LinkFailed(str(reply)) from reply
            else:
                raise reply
        raise LinkFailed("sent from one server to the next for too long")


def connect(url: str, *, trust: ssl.SSLContext | None = None) -> Valkey:
    """A client of what the address names; it connects at its first call.

    `trust` says with TLS which certificates are taken; None: those of the system's authorities.
    """
    address = valkey_address.parse(url)
    return Valkey(_topology(address, trust))


def trust_of(ca_file: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """What a TLS connection trusts, and how it shows who it is. Certificates are always checked.

    Raises:
        CannotStart: a file can't be used.
    """
    try:
        trust = ssl.create_default_context(cafile=ca_file)
        if certificate is not None:
            trust.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(
            f"The certificates for Valkey can't be used: {error}. See CHRONICLE_VALKEY_CA_FILE,"
            " CHRONICLE_VALKEY_CERT_FILE and CHRONICLE_VALKEY_KEY_FILE."
        ) from error
    return trust


def _topology(address: ValkeyAddress, trust: ssl.SSLContext | None) -> Topology:
    tls = (trust or ssl.create_default_context()) if address.tls else None
    manner = Manner(tls, address.login, address.database)
    places = [Place(host, port) for host, port in address.hosts]
    match address.topology:
        case valkey_address.Topology.SENTINEL:
            return Watched(address.service, places, manner, address.sentinel_login)
        case valkey_address.Topology.CLUSTER:
            return Cluster(places, manner)
        case valkey_address.Topology.SINGLE:
            return Single(places[0] if places else Place(socket=address.socket), manner)


async def _memory_policy(node: Node) -> str | None:
    # INFO rather than CONFIG: who rents a Valkey may often not ask for the latter.
    try:
        info = await node.ask(("INFO", "memory"), deadline=_now() + 10 * _DEADLINE_SECONDS)
    except LinkFailed:
        return None
    if not isinstance(info, bytes):
        return None
    lines = info.decode(errors="replace").splitlines()
    return next((line[17:] for line in lines if line.startswith("maxmemory_policy:")), None)


def _now() -> float:
    return asyncio.get_running_loop().time()
