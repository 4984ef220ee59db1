"""What storing a granted sign-in promises, whether or not the database has transactions."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from chronicle.auth.ports import Granted
from chronicle.security.guesses import PASSWORDS
from chronicle.security.ports import DeviceUse, GuessCount, RightGuess
from chronicle.users.ports import AccountRecord, Accounts
from chronicle.wiring.databases import Tables
from tests.contract.test_accounts import an_account
from tests.contract.test_events import a_granted
from tests.contract.test_known_devices import a_device
from tests.contract.test_sessions import a_session
from tests.databases import OpenDatabase
from tests.fakes.world import FakeWorld

SUBJECT = b"s" * 32


@pytest.fixture
async def owner(accounts: Accounts, world: FakeWorld) -> AccountRecord:
    record = an_account(world)
    await accounts.add(record)
    return record


def a_grant(world: FakeWorld, owner: AccountRecord) -> Granted:
    session = a_session(world, owner)
    event = replace(a_granted(world), account_id=owner.id, session_id=session.id)
    return Granted(event, session)


async def test_the_event_and_the_session_are_there(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    tables, granted = database.tables, a_grant(world, owner)
    await tables.grants.add(granted)
    assert await tables.sessions.get(granted.session.id) == granted.session
    assert list(await tables.events.page(owner.id, before=None, limit=5)) == [granted.event]
    due = world.time + timedelta(seconds=1)
    (pending,) = await tables.events.pending(due=due, limit=5)
    assert pending.entry == granted.event.entry


def right(world: FakeWorld) -> RightGuess:
    return RightGuess("password", SUBJECT, PASSWORDS, world.time, counted=False)


async def count(tables: Tables, world: FakeWorld) -> GuessCount:
    """Count a wrong guess; how the count stands."""
    counts, now = tables.guess_counts, world.time
    return (await counts.count("password", SUBJECT, rule=PASSWORDS, now=now))[1]


async def test_with_a_right_guess_the_count_begins_anew_and_others_still_stand(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    counts = database.tables.guess_counts
    for purpose in ("password", "mailed_code"):
        await counts.count(purpose, SUBJECT, rule=PASSWORDS, now=world.time)
    granted = replace(a_grant(world, owner), guess=right(world))
    assert await database.tables.grants.add(granted) is None
    assert await counts.find("password", SUBJECT) is None
    failures = {
        purpose: (await counts.count(purpose, SUBJECT, rule=PASSWORDS, now=world.time))[1].failures
        for purpose in ("password", "mailed_code")
    }
    assert failures == {"password": 1, "mailed_code": 2}


async def test_a_right_guess_that_meets_a_lock_leaves_nothing(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    tables = database.tables
    for _ in range(5):
        locked = await count(tables, world)
    device = a_device(owner.id, world)
    granted = replace(a_grant(world, owner), guess=right(world), device=device, keep_devices=50)
    assert await tables.grants.add(granted) == locked
    assert await tables.guess_counts.find("password", SUBJECT) == locked
    assert await tables.sessions.get(granted.session.id) is None
    assert await tables.events.page(owner.id, before=None, limit=5) == []
    assert await tables.known_devices.of_account(owner.id, now=world.time) == []
    world.pass_time(minutes=1)
    assert await tables.grants.add(replace(granted, guess=right(world))) is None
    assert await tables.sessions.get(granted.session.id) == granted.session


async def test_a_right_guess_that_was_counted_comes_through_whatever_stands(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    tables = database.tables
    for _ in range(5):
        await count(tables, world)
    counted = replace(right(world), counted=True)
    assert await tables.grants.add(replace(a_grant(world, owner), guess=counted)) is None
    assert await tables.guess_counts.find("password", SUBJECT) is None


async def test_a_right_guess_that_could_not_be_stored_does_not_count(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    tables, noted = database.tables, a_grant(world, owner)
    await tables.grants.add(noted)
    await count(tables, world)
    again = replace(a_grant(world, owner), event=noted.event, guess=right(world))
    with pytest.raises(Exception, match=r"(?i)unique|already"):
        await tables.grants.add(again)
    stands = await tables.guess_counts.find("password", SUBJECT)
    assert stands is not None
    assert stands.failures == 1


async def test_a_lock_and_a_sign_in_that_race_do_not_both_come_about(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    here, there = database.tables, await database.elsewhere()
    for _ in range(4):
        await count(here, world)

    async def sign_in(tables: Tables) -> bool:
        granted = replace(a_grant(world, owner), guess=right(world))
        let_in = await tables.grants.add(granted) is None
        assert (await tables.sessions.get(granted.session.id) is not None) is let_in
        return let_in

    async def guess_wrong() -> bool:
        counted, stands = await here.guess_counts.count(
            "password", SUBJECT, rule=PASSWORDS, now=world.time
        )
        return counted and stands.locked_until is not None

    tries = (sign_in(each) for each in (there, here) * 4)
    locked, *let_in = await asyncio.gather(guess_wrong(), *tries)
    assert locked is not any(let_in)
    assert await sign_in(there) is not locked


async def test_a_device_is_known_from_then_on_and_the_least_used_is_forgotten(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    tables = database.tables
    first, second = (a_device(owner.id, world) for _ in range(2))
    await tables.grants.add(replace(a_grant(world, owner), device=first, keep_devices=1))
    assert await tables.known_devices.find(first.token_hash, now=world.time) == first
    world.pass_time(days=1)
    second = replace(second, last_used_at=world.time)
    await tables.grants.add(replace(a_grant(world, owner), device=second, keep_devices=1))
    assert list(await tables.known_devices.of_account(owner.id, now=world.time)) == [second]


async def test_a_known_device_is_known_for_longer(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    tables, device = database.tables, a_device(owner.id, world)
    await tables.known_devices.add(device, keep=50)
    world.pass_time(days=300)
    later = world.time + timedelta(days=365)
    use = DeviceUse(device.id, b"new", world.time, later)
    await tables.grants.add(replace(a_grant(world, owner), device=use))
    expected = replace(device, visitor=b"new", last_used_at=world.time, expires_at=later)
    assert await tables.known_devices.find(device.token_hash, now=world.time) == expected


async def test_a_device_that_was_forgotten_meanwhile_stays_forgotten(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    tables, granted = database.tables, a_grant(world, owner)
    use = DeviceUse(b"d" * 16, b"new", world.time, world.time + timedelta(days=1))
    await tables.grants.add(replace(granted, device=use))
    assert await tables.known_devices.of_account(owner.id, now=world.time) == []
    assert await tables.sessions.get(granted.session.id) is not None


async def test_a_session_that_can_not_be_noted_does_not_begin(
    database: OpenDatabase, world: FakeWorld, owner: AccountRecord
) -> None:
    tables, noted = database.tables, a_grant(world, owner)
    await tables.grants.add(noted)
    # The same event again: whatever refuses it, nothing that follows from it is stored.
    again = replace(a_grant(world, owner), event=noted.event, device=a_device(owner.id, world))
    with pytest.raises(Exception, match=r"(?i)unique|already"):
        await tables.grants.add(again)
    assert await tables.sessions.get(again.session.id) is None
    assert await tables.known_devices.of_account(owner.id, now=world.time) == []
