"""What the switches of every fake promise: a fault is Unavailable, and all was done or nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, get_type_hints

import pytest

from chronicle.auth.ports import Ticket, Tickets
from chronicle.errors import Unavailable
from chronicle.ledger.ports import TileStore
from chronicle.locks import HeldLock, Locks
from chronicle.security.challenges import SpentChallenges
from chronicle.security.limits import Limit, Limiter, Window
from chronicle.uploads.ports import ContentStore, IncomingContent
from chronicle.uploads.unixfs import DEFAULT_PROFILE, PROFILES, Importer
from chronicle.wiring.databases import Tables
from tests.contract.calls import READS, WRITES, Rows, stock
from tests.fakes.auth import InMemoryTickets
from tests.fakes.challenges import InMemorySpentChallenges
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.tables import memory_tables
from tests.fakes.faults import Fault, Faults, Slow
from tests.fakes.ledger import MemoryTiles
from tests.fakes.limits import InMemoryLimiter
from tests.fakes.locks import InMemoryLocks
from tests.fakes.uploads import MemoryContents, MemoryIncoming
from tests.fakes.world import FakeWorld

MINUTE = timedelta(minutes=1)
LIMIT = Limit("login:60", "address-60s", Window(3, 60))


@dataclass
class Fakes:
    """Every fake, with something in it; all of them fail together."""

    faults: Faults
    database: MemoryDatabase
    tables: Tables
    rows: Rows
    tickets: InMemoryTickets
    ticket: Ticket
    limiter: InMemoryLimiter
    locks: InMemoryLocks
    held: HeldLock
    spent: InMemorySpentChallenges
    tiles: MemoryTiles
    contents: MemoryContents
    cid: str
    incoming: MemoryIncoming

    def state(self) -> Any:
        contents = self.contents
        return deepcopy(
            (
                self.database,
                self.tickets.kept,
                {key: times for key, times in self.limiter.spent.items() if times},
                self.locks.held,
                self.spent.spent,
                self.tiles.blobs,
                (contents.contents, contents.marks, contents.live, self.incoming.size),
            )
        )


async def fakes_for(name: str) -> Fakes:
    """The same in every respect, each time."""
    world, faults, database = FakeWorld(), Faults(), MemoryDatabase()
    tables = memory_tables(database, faults)
    rows = await stock(tables, world, checkpoint=name != "checkpoints.start")
    now = world.time
    ticket = Ticket(b"key", b"sealed", b"mac", 5, now + MINUTE, now)
    tickets = InMemoryTickets(faults)
    await tickets.put(ticket, now=now)
    locks = InMemoryLocks(world.world.now, faults)
    held = await locks.acquire("held", lifetime=MINUTE)
    assert held is not None
    world.pass_time(seconds=1)
    tiles = MemoryTiles(faults)
    await tiles.write("tile/0/000", b"tile")
    contents = MemoryContents(tables.uploads.has_cid, faults)
    kept, incoming = await receive(contents), await receive(contents)
    await kept.write(b"kept")
    cid = str((await kept.keep()).cid)
    await kept.settle()
    await incoming.write(b"on its way")
    return Fakes(
        faults,
        database,
        tables,
        rows,
        tickets,
        ticket,
        InMemoryLimiter(world.world.now, faults),
        locks,
        held,
        InMemorySpentChallenges(faults),
        tiles,
        contents,
        cid,
        incoming,
    )


async def receive(contents: MemoryContents) -> MemoryIncoming:
    return await contents.receive(Importer(PROFILES[DEFAULT_PROFILE]))


Call = Callable[[Fakes], Awaitable[Any]]

SHARED: dict[str, Call] = {
    "tickets.put": lambda f: f.tickets.put(replace(f.ticket, key=b"another"), now=f.rows.now),
    "tickets.guess": lambda f: f.tickets.guess(b"key", b"wrong", now=f.rows.now),
    "tickets.look": lambda f: f.tickets.look(b"key", now=f.rows.now),
    "tickets.renew": lambda f: f.tickets.renew(
        b"key", b"new", now=f.rows.now, expires_at=f.rows.now + MINUTE, resend_at=f.rows.now
    ),
    "tickets.drop": lambda f: f.tickets.drop(b"key"),
    "limiter.spend": lambda f: f.limiter.spend("ada", [LIMIT]),
    "locks.acquire": lambda f: f.locks.acquire("free", lifetime=MINUTE),
    "locks.renew": lambda f: f.locks.renew(f.held, lifetime=MINUTE),
    "locks.release": lambda f: f.locks.release(f.held),
    "spent.spend": lambda f: f.spent.spend("challenge", lifetime=MINUTE),
    "tiles.write": lambda f: f.tiles.write("tile/0/001", b"another"),
    "tiles.read": lambda f: f.tiles.read("tile/0/000"),
    "tiles.remove": lambda f: f.tiles.remove("tile/0/000"),
    "tiles.list": lambda f: f.tiles.list("tile/0"),
    "contents.receive": lambda f: receive(f.contents),
    "contents.size": lambda f: f.contents.size(f.cid),
    "contents.read": lambda f: anext(aiter(f.contents.read(f.cid, 0, 4))),
    "incoming.write": lambda f: f.incoming.write(b" and more"),
    "incoming.keep": lambda f: f.incoming.keep(),
}
# Their port says that they never raise.
LEFT_OUT = {"incoming.settle", "incoming.discard"}

CALLS = SHARED.keys() | WRITES.keys() | READS.keys()


async def call(name: str, fakes: Fakes) -> Any:
    if name in SHARED:
        return await SHARED[name](fakes)
    return await (WRITES | READS)[name](fakes.tables, fakes.rows)


async def done(name: str) -> Any:
    """How everything stands after a call that nothing befell."""
    fakes = await fakes_for(name)
    await call(name, fakes)
    return fakes.state()


every_call = pytest.mark.parametrize("name", sorted(CALLS))


@every_call
async def test_a_call_that_fails_is_unavailable_and_changed_nothing(name: str) -> None:
    fakes = await fakes_for(name)
    before = fakes.state()
    fakes.faults.always = Fault.FAILS
    with pytest.raises(Unavailable):
        await call(name, fakes)
    assert fakes.state() == before
    fakes.faults.always = None
    await call(name, fakes)
    assert fakes.state() == await done(name)


@every_call
async def test_a_call_that_fails_after_it_persisted_is_unavailable_and_done(name: str) -> None:
    fakes = await fakes_for(name)
    fakes.faults.always = Fault.FAILS_AFTER_IT_PERSISTED
    with pytest.raises(Unavailable):
        await call(name, fakes)
    assert fakes.state() == await done(name)


@every_call
@pytest.mark.parametrize("persisted", [False, True])
async def test_a_slow_call_that_is_cancelled_has_done_nothing_or_all(
    name: str, persisted: bool
) -> None:
    fakes = await fakes_for(name)
    before, slow = fakes.state(), Slow(after_it_persisted=persisted)
    fakes.faults.at[len(fakes.faults.steps)] = slow
    under_way = asyncio.ensure_future(call(name, fakes))
    await slow.holds(under_way)
    under_way.cancel()
    with pytest.raises(asyncio.CancelledError):
        await under_way
    assert fakes.state() == (await done(name) if persisted else before)


@every_call
async def test_a_slow_call_ends_as_ever_and_holds_up_nobody(name: str) -> None:
    fakes = await fakes_for(name)
    fakes.faults.at[len(fakes.faults.steps)] = slow = Slow()
    under_way = asyncio.ensure_future(call(name, fakes))
    await slow.holds(under_way)
    await fakes.tables.accounts.get(fakes.rows.account.id)
    slow.go_on.set()
    await under_way
    assert fakes.state() == await done(name)


def test_every_method_of_every_port_can_fail() -> None:
    ports: dict[str, Any] = {
        "tickets": Tickets,
        "limiter": Limiter,
        "locks": Locks,
        "spent": SpentChallenges,
        "tiles": TileStore,
        "contents": ContentStore,
        "incoming": IncomingContent,
        **get_type_hints(Tables),
    }
    del ports["database_is_up"]
    methods = {
        f"{name}.{method}"
        for name, port in ports.items()
        for method in dir(port)
        if not method.startswith("_")
    }
    assert methods - LEFT_OUT == CALLS


async def test_a_database_that_fails_is_not_up() -> None:
    faults = Faults()
    tables = memory_tables(MemoryDatabase(), faults)
    assert await tables.database_is_up()
    faults.always = Fault.FAILS
    assert not await tables.database_is_up()
