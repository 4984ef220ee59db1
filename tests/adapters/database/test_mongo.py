"""MongoDB's adapter where it differs from SQLite's: deadlines, outages, and steps in between."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chronicle.adapters.database.mongo.blocks import MongoBlocks
from chronicle.adapters.database.mongo.engine import (
    CannotConnect,
    Document,
    Engine,
    connect,
    open_engine,
)
from chronicle.adapters.database.mongo.migrate import prepare
from chronicle.errors import Unavailable
from chronicle.ledger.ports import Placed
from chronicle.wiring.databases import Tables, mongo_tables
from tests.contract.test_accounts import a_change, an_account
from tests.contract.test_blocks import a_block
from tests.contract.test_sessions import a_session
from tests.fakes.world import FakeWorld
from tests.services.choice import mongo_server_url, with_database

wider = pytest.mark.wider
pytestmark = pytest.mark.usefixtures("driver_leftovers")


@pytest.fixture(scope="module")
def mongo_server() -> Iterator[str]:
    with mongo_server_url() as url:
        yield url


@pytest.fixture
async def engine(mongo_server: str) -> AsyncIterator[Engine]:
    engine = await open_engine(with_database(mongo_server, f"test_{secrets.token_hex(8)}"))
    await prepare(engine)
    yield engine
    await engine.database.client.drop_database(engine.database.name)
    await engine.close()


@pytest.fixture
def tables(engine: Engine) -> Tables:
    return mongo_tables(engine)


@pytest.fixture
def world() -> FakeWorld:
    world = FakeWorld()
    world.time = world.time.replace(year=2096)
    return world


@dataclass
class Link:
    """The way to a server: it carries everything, or swallows it, or is cut."""

    server: str
    port: int = 0
    hangs: bool = False
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        options = "directConnection=true&timeoutMS=2000&serverSelectionTimeoutMS=2000"
        return f"mongodb://127.0.0.1:{self.port}/test_{secrets.token_hex(8)}?{options}"

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.server.removeprefix("mongodb://").partition("/")[0].partition(":")
        there, back = await asyncio.open_connection(host, int(port))
        self._writers += [writer, back]
        with contextlib.suppress(OSError):
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if not self.hangs:
                    writer.write(data)
        writer.close()


@pytest.fixture
async def link(mongo_server: str) -> AsyncIterator[Link]:
    link = Link(mongo_server)
    server = await asyncio.start_server(link.accept, "127.0.0.1", 0)
    link.port = server.sockets[0].getsockname()[1]
    yield link
    server.close()
    link.cut()
    await asyncio.sleep(0)


@pytest.fixture
async def linked(link: Link) -> AsyncIterator[Engine]:
    engine = await open_engine(link.url)
    await prepare(engine)
    yield engine
    link.hangs = False
    await engine.database.client.drop_database(engine.database.name)
    await engine.close()


@wider
async def test_a_server_that_hangs_is_unavailable_by_the_deadline_and_used_again_after(
    link: Link, linked: Engine, world: FakeWorld
) -> None:
    accounts = mongo_tables(linked).accounts
    record = an_account(world)
    await accounts.add(record)
    link.hangs = True
    for attempt in (accounts.get(record.id), accounts.raise_epoch(record.id, seen_epoch=0)):
        with pytest.raises(Unavailable):
            await attempt
    assert not await linked.is_up()
    link.hangs = False
    link.cut()
    assert await accounts.get(record.id) == record
    assert await linked.is_up()


@wider
async def test_connections_that_are_cut_are_made_anew(
    link: Link, linked: Engine, world: FakeWorld
) -> None:
    sessions = mongo_tables(linked).sessions
    owner = an_account(world)
    session = a_session(world, owner)
    await mongo_tables(linked).accounts.add(owner)
    await sessions.add(session)
    for _ in range(3):
        link.cut()
        assert await sessions.live_owner(session.id, now=world.time) is not None


@wider
async def test_many_sessions_are_read_together_each_with_its_own_owner(
    tables: Tables, world: FakeWorld
) -> None:
    owners = [an_account(world, bytes([number]) * 32) for number in range(8)]
    sessions = [a_session(world, owner) for owner in owners for _ in range(4)]
    for owner in owners:
        await tables.accounts.add(owner)
    for session in sessions:
        await tables.sessions.add(session)
    await tables.accounts.raise_epoch(owners[0].id, seen_epoch=0)
    await tables.sessions.end(sessions[-1].id, reason="logout", now=world.time)
    found = await asyncio.gather(
        *(tables.sessions.live_owner(one.id, now=world.time) for one in sessions)
    )
    live = [each.id if each else None for each in found]
    assert live[:4] == [None] * 4
    assert live[4:-1] == [session.account_id for session in sessions[4:-1]]
    assert live[-1] is None


@wider
async def test_changes_of_credentials_are_placed_one_by_one_and_kept_apart_afterwards(
    tables: Tables, engine: Engine, world: FakeWorld
) -> None:
    owner = an_account(world)
    await tables.accounts.add(owner)
    changes = []
    for epoch in range(3):
        world.pass_time(seconds=1)
        changes.append(a_change(world))
        assert await tables.accounts.change_password(
            owner.id, seen_epoch=epoch, password_hash=None, change=changes[-1]
        )
    assert await pending_ids(tables, world) == [change.id for change in changes]
    await tables.accounts.record_placed([Placed(changes[1].id, 7)])
    assert await pending_ids(tables, world) == [changes[0].id, changes[2].id]
    placed = [Placed(changes[0].id, 6), Placed(changes[2].id, 8), Placed(changes[1].id, 99)]
    for _ in range(2):
        await tables.accounts.record_placed(placed)
    assert await pending_ids(tables, world) == []
    kept = await engine.database["credential_changes"].find({}).sort("_id", 1).to_list()
    assert [(each["_id"], each["entry_index"]) for each in kept] == [
        (change.id, index) for change, index in zip(changes, (6, 7, 8), strict=True)
    ]
    account = await engine.database["accounts"].find_one({"_id": owner.id})
    assert account is not None
    assert "pending_changes" not in account


@wider
async def test_placing_that_broke_off_between_its_writes_is_finished_by_the_next(
    tables: Tables, engine: Engine, world: FakeWorld
) -> None:
    owner, change = an_account(world), a_change(world)
    await tables.accounts.add(owner)
    await tables.accounts.change_password(owner.id, seen_epoch=0, password_hash=None, change=change)
    account = await engine.database["accounts"].find_one({"_id": owner.id})
    await tables.accounts.record_placed([Placed(change.id, 5)])
    # As it was before the change was taken out of the account.
    await engine.database["accounts"].replace_one({"_id": owner.id}, account or {})
    assert await pending_ids(tables, world) == [change.id]
    await tables.accounts.record_placed([Placed(change.id, 5)])
    assert await pending_ids(tables, world) == []
    assert await engine.database["credential_changes"].count_documents({}) == 1


async def pending_ids(tables: Tables, world: FakeWorld) -> list[bytes]:
    return [each.row_id for each in await tables.accounts.pending(due=world.time, limit=10)]


@wider
async def test_a_block_whose_writer_died_half_way_is_seen_and_the_revision_comes_to_rest(
    engine: Engine, world: FakeWorld
) -> None:
    seconds = [0.0]
    blocks = MongoBlocks(engine, clock=lambda: seconds[0])
    await blocks.put(a_block(world))
    rest = await blocks.revision()
    assert await blocks.revision() == rest
    # Announced, and then its process was gone: the block may come at any moment.
    await MongoBlocks(engine)._announce()
    seen = [await blocks.revision() for _ in range(3)]
    assert len({rest, *seen}) == 4
    seconds[0] = 121.0
    last = await blocks.revision()
    assert last not in {rest, *seen}
    assert [await blocks.revision() for _ in range(3)] == [last] * 3


@wider
async def test_what_expires_carries_the_date_by_which_the_server_lets_it_go(
    tables: Tables, engine: Engine, world: FakeWorld
) -> None:
    owner = an_account(world)
    await tables.sessions.add(a_session(world, owner))
    document: Document | None = await engine.database["sessions"].find_one({})
    assert document is not None
    in_ms = (world.time + timedelta(days=2)).replace(tzinfo=None, microsecond=678000)
    assert document["expires_on"] == in_ms


@pytest.mark.parametrize(
    "url", ["mongodb://h/c?timeoutMS=0", "mongodb://h/c?timeoutMS=60001", "mongodb://h/c?tls=maybe"]
)
async def test_a_url_that_can_not_be_used_is_told_without_its_password(url: str) -> None:
    secret = url.replace("://", "://ada:canary@")
    with pytest.raises(CannotConnect) as caught:
        await open_engine(secret)
    assert "canary" not in str(caught.value)


async def test_nobody_there_is_told_at_once_and_without_the_password(
    unused_tcp_port: int,
) -> None:
    options = "timeoutMS=300&directConnection=true"
    with pytest.raises(CannotConnect) as caught:
        await open_engine(f"mongodb://ada:canary@127.0.0.1:{unused_tcp_port}/c?{options}")
    assert "canary" not in str(caught.value)
    assert str(unused_tcp_port) in str(caught.value)


async def test_writes_wait_for_a_majority_whatever_the_url_says() -> None:
    client = connect("mongodb://h/c?w=1&journal=false&retryWrites=false&maxPoolSize=7")
    engine = Engine(client)
    concern = engine.writing("accounts").write_concern.document
    assert concern == {"w": "majority", "j": True}
    assert client.options.retry_writes is False
    assert client.options.pool_options.max_pool_size == 7
    await engine.close()


async def test_every_read_asks_the_primary() -> None:
    engine = Engine(connect("mongodb://h/c?readPreference=secondary&readConcernLevel=available"))
    levels: dict[str, Any] = {}
    for purpose in ("sessions.live_owner", "checkpoint.load", "uploads.has_cid"):
        collection = engine.reading(purpose)
        assert collection.read_preference.name == "Primary"
        levels[purpose] = collection.read_concern.level
    assert levels == {
        "sessions.live_owner": "local",
        "checkpoint.load": "majority",
        "uploads.has_cid": "linearizable",
    }
    await engine.close()
