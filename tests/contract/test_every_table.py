"""What every table promises alike: nothing comes back changed, nothing is stored twice."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chronicle.auth.ports import WaitingMail
from chronicle.errors import Conflict
from chronicle.security.ports import BlockRecord
from chronicle.users.ports import AccountId, AccountRecord
from tests.contract.test_accounts import an_account
from tests.contract.test_events import a_granted
from tests.contract.test_known_devices import a_device
from tests.contract.test_mailed_tokens import a_token
from tests.contract.test_sessions import a_session
from tests.contract.test_uploads import an_upload
from tests.databases import OpenDatabase
from tests.fakes.world import FakeWorld

EVERY_BYTE = bytes(range(256))
UNICODE = "Ünïcödé ☃ \U0001f3db \u200f\u202e a\u0301 \x7f"

# What a second document with an id is: a bug, which each driver words in its own way.
REFUSED = (Conflict, sqlite3.IntegrityError, ValueError)


@dataclass
class Table:
    """How a row gets into a table, and how it is read back by its id."""

    row: Any
    another: Any
    add: Callable[[Any], Awaitable[object]]
    read: Callable[[Any], Awaitable[Any]]


def accounts(database: OpenDatabase, world: FakeWorld, _: AccountRecord) -> Table:
    table = database.tables.accounts
    row = replace(an_account(world, b"\x00" + EVERY_BYTE[:31]), email=EVERY_BYTE, name=EVERY_BYTE)
    another = replace(row, id=AccountId(world.world.new_id()), email_index=b"n" * 32)
    return Table(row, another, table.add, lambda one: table.get(one.id))


def sessions(database: OpenDatabase, world: FakeWorld, owner: AccountRecord) -> Table:
    table = database.tables.sessions
    row = replace(a_session(world, owner), amr=UNICODE, visitor=EVERY_BYTE, rotated_at=world.time)
    another = replace(a_session(world, owner), refresh_hash=EVERY_BYTE)
    return Table(row, another, table.add, lambda one: table.get(one.id))


def uploads(database: OpenDatabase, world: FakeWorld, owner: AccountRecord) -> Table:
    table = database.tables.uploads
    row = replace(an_upload(world, owner), media_type=UNICODE, note=EVERY_BYTE, size=2**62)
    another = replace(an_upload(world, owner), key_index=EVERY_BYTE)
    return Table(row, another, table.add, lambda one: table.get(one.account_id, one.id))


def events(database: OpenDatabase, world: FakeWorld, owner: AccountRecord) -> Table:
    table = database.tables.events

    async def read(one: Any) -> Any:
        found = await table.page(one.account_id, before=None, limit=100)
        return next((each for each in found if each.id == one.id), None)

    row = replace(a_granted(world), reason=UNICODE, visitor=EVERY_BYTE, entry=EVERY_BYTE)
    return Table(row, replace(a_granted(world), session_id=b"s" * 16), table.add, read)


def devices(database: OpenDatabase, world: FakeWorld, owner: AccountRecord) -> Table:
    table = database.tables.known_devices
    row = replace(a_device(owner.id, world), visitor=EVERY_BYTE)
    return Table(
        row,
        a_device(owner.id, world),
        lambda one: table.add(one, keep=1000),
        lambda one: table.find(one.token_hash, now=world.time),
    )


def tokens(database: OpenDatabase, world: FakeWorld, owner: AccountRecord) -> Table:
    table = database.tables.mailed_tokens
    row = replace(a_token(world, owner), purpose=UNICODE, account_id=None)
    return Table(
        row,
        a_token(world, owner),
        table.add,
        lambda one: table.find(one.hash, purpose=one.purpose, now=world.time),
    )


def mails(database: OpenDatabase, world: FakeWorld, _: AccountRecord) -> Table:
    table = database.tables.mails
    now = world.time

    async def read(one: WaitingMail) -> WaitingMail | None:
        found = await table.claim(now=now, until=now, limit=3)
        return next((replace(each, attempts=0) for each in found if each.id == one.id), None)

    row = WaitingMail(world.world.new_id(), EVERY_BYTE, 0, now)
    return Table(row, replace(row, id=world.world.new_id()), table.add, read)


TABLES = [accounts, sessions, uploads, events, devices, tokens, mails]


@pytest.fixture(params=TABLES, ids=lambda make: make.__name__)
async def table(request: pytest.FixtureRequest, database: OpenDatabase, world: FakeWorld) -> Table:
    owner = replace(an_account(world, b"o" * 32), id=AccountId(b"a" * 16))
    await database.tables.accounts.add(owner)
    made: Table = request.param(database, world, owner)
    return made


async def test_a_row_comes_back_as_it_went_in(table: Table) -> None:
    for row in (table.row, table.another):
        await table.add(row)
    for row in (table.row, table.another):
        assert await table.read(row) == row


async def test_what_was_never_added_is_not_there(table: Table) -> None:
    await table.add(table.row)
    assert await table.read(table.another) is None


async def test_a_second_row_with_its_id_is_refused_and_the_first_stays(table: Table) -> None:
    await table.add(table.row)
    with pytest.raises(REFUSED):
        await table.add(table.row)
    assert await table.read(table.row) == table.row


async def test_of_32_racing_with_one_id_one_is_stored(table: Table) -> None:
    results = await asyncio.gather(
        *(table.add(table.row) for _ in range(32)), return_exceptions=True
    )
    assert sum(result is None for result in results) == 1
    assert await table.read(table.row) == table.row


async def test_who_stops_waiting_leaves_the_table_whole_and_usable(table: Table) -> None:
    leaving = asyncio.ensure_future(table.add(table.row))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await table.add(table.another)
    assert await table.read(table.another) == table.another
    # It may have been stored or not, and never in part.
    assert await table.read(table.row) in (table.row, None)


async def test_a_time_is_kept_to_the_microsecond(table: Table, world: FakeWorld) -> None:
    row = _a_microsecond_earlier(table.row)
    await table.add(row)
    assert await table.read(row) == row


def _a_microsecond_earlier(row: Any) -> Any:
    name = "expires_at" if hasattr(row, "expires_at") else "created_at"
    return replace(row, **{name: getattr(row, name) + timedelta(microseconds=-1)})


async def test_a_block_comes_back_as_it_went_in(database: OpenDatabase, world: FakeWorld) -> None:
    blocks = database.tables.blocks
    record = BlockRecord(EVERY_BYTE, EVERY_BYTE, world.time, world.time + timedelta(microseconds=1))
    await asyncio.gather(*(blocks.put(record) for _ in range(32)))
    assert await blocks.all() == [record]
