"""What every sessions table promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from chronicle.auth.ports import Rotation, SessionId, SessionRecord, Sessions
from chronicle.users.ports import AccountRecord, Accounts, ProfileRecord
from tests.contract.test_accounts import an_account
from tests.fakes.world import FakeWorld


@pytest.fixture
async def owner(accounts: Accounts, world: FakeWorld) -> AccountRecord:
    record = an_account(world)
    await accounts.add(record)
    return record


def a_session(world: FakeWorld, owner: AccountRecord) -> SessionRecord:
    now = world.time
    return SessionRecord(
        id=SessionId(world.world.new_id()),
        account_id=owner.id,
        epoch=owner.epoch,
        amr="pwd",
        created_at=now,
        last_used_at=now,
        idle_expires_at=now + timedelta(days=1),
        expires_at=now + timedelta(days=2),
        generation=0,
        refresh_hash=b"h0",
        previous_hash=None,
        successor=None,
        rotated_at=None,
        ended_at=None,
        end_reason=None,
        visitor=b"sealed \x00\xff",
    )


def a_rotation(world: FakeWorld, *, old: bytes, new: bytes) -> Rotation:
    return Rotation(
        refresh_hash=new,
        previous_hash=old,
        successor=b"sealed " + new,
        rotated_at=world.time,
        idle_expires_at=world.time + timedelta(days=1),
    )


async def test_a_session_comes_back_as_it_went_in(
    sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    session = a_session(world, owner)
    await sessions.add(session)
    assert await sessions.get(session.id) == session
    assert await sessions.get(SessionId(world.world.new_id())) is None


async def test_a_session_lives_until_it_expires(
    sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    session = replace(a_session(world, owner), expires_at=world.time + timedelta(hours=1))
    await sessions.add(session)
    soon = world.time + timedelta(minutes=59)
    found = await sessions.live_owner(session.id, now=soon)
    assert found == ProfileRecord(
        id=owner.id,
        email=owner.email,
        email_verified=owner.email_verified,
        name=owner.name,
        locale=owner.locale,
        timezone=owner.timezone,
        epoch=owner.epoch,
        created_at=owner.created_at,
        updated_at=owner.updated_at,
    )
    assert not await sessions.live_owner(session.id, now=session.expires_at)
    assert not await sessions.live_owner(SessionId(world.world.new_id()), now=soon)


async def test_an_unused_session_ends_by_itself(
    sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    session = a_session(world, owner)
    await sessions.add(session)
    assert not await sessions.live_owner(session.id, now=session.idle_expires_at)


async def test_a_session_of_an_earlier_epoch_is_void(
    sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    session = replace(a_session(world, owner), epoch=owner.epoch - 1)
    await sessions.add(session)
    assert not await sessions.live_owner(session.id, now=world.time)


async def test_a_rotation_takes_hold_once(
    sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    session = a_session(world, owner)
    await sessions.add(session)
    world.pass_time(minutes=1)
    rotation = a_rotation(world, old=b"h0", new=b"h1")
    assert await sessions.rotate(session.id, rotation)
    assert not await sessions.rotate(session.id, rotation)
    assert await sessions.get(session.id) == replace(
        session,
        generation=1,
        refresh_hash=b"h1",
        previous_hash=b"h0",
        successor=b"sealed h1",
        rotated_at=world.time,
        last_used_at=world.time,
        idle_expires_at=rotation.idle_expires_at,
    )


async def test_of_32_racing_rotations_one_wins(
    sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    session = a_session(world, owner)
    await sessions.add(session)
    rotations = [a_rotation(world, old=b"h0", new=b"n%d" % i) for i in range(32)]
    won = await asyncio.gather(*(sessions.rotate(session.id, one) for one in rotations))
    assert sum(won) == 1
    after = await sessions.get(session.id)
    assert after is not None
    assert after.refresh_hash == rotations[won.index(True)].refresh_hash


async def test_an_ended_session_is_dead_and_stays_so(
    sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    session = a_session(world, owner)
    await sessions.add(session)
    ended = await asyncio.gather(
        *(sessions.end(session.id, reason="logout", now=world.time) for _ in range(32))
    )
    assert sum(ended) == 1
    assert not await sessions.live_owner(session.id, now=world.time)
    assert not await sessions.rotate(session.id, a_rotation(world, old=b"h0", new=b"h1"))
    after = await sessions.get(session.id)
    assert after == replace(session, ended_at=world.time, end_reason="logout")


async def test_successors_are_forgotten_after_their_grace(
    sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    session = a_session(world, owner)
    await sessions.add(session)
    await sessions.rotate(session.id, a_rotation(world, old=b"h0", new=b"h1"))
    assert await sessions.forget_successors(rotated_before=world.time) == 0
    later = world.time + timedelta(microseconds=1)
    assert await sessions.forget_successors(rotated_before=later) == 1
    after = await sessions.get(session.id)
    assert after is not None
    assert after.successor is None
    assert after.refresh_hash == b"h1"


async def test_only_live_sessions_of_the_account_are_listed_newest_first(
    sessions: Sessions, accounts: Accounts, world: FakeWorld, owner: AccountRecord
) -> None:
    stranger = replace(an_account(world), email_index=b"s" * 32)
    await accounts.add(stranger)
    live = []
    for _ in range(3):
        world.pass_time(seconds=1)
        live.insert(0, a_session(world, owner))
    others = [
        replace(a_session(world, owner), ended_at=world.time, end_reason="logout"),
        replace(a_session(world, owner), expires_at=world.time),
        replace(a_session(world, owner), idle_expires_at=world.time),
        replace(a_session(world, owner), epoch=owner.epoch + 1),
        a_session(world, stranger),
    ]
    for session in [*others, *live]:
        await sessions.add(session)
    page = partial(sessions.live_of, owner.id, now=world.time)
    assert list(await page(before=None, limit=9)) == live
    assert list(await page(before=None, limit=2)) == live[:2]
    assert list(await page(before=live[1].id, limit=9)) == live[2:]
    assert list(await page(before=live[2].id, limit=9)) == []


async def test_a_session_carried_over_outlives_a_change_of_epoch(
    sessions: Sessions, accounts: Accounts, world: FakeWorld, owner: AccountRecord
) -> None:
    kept, other, ended = (a_session(world, owner) for _ in range(3))
    void = replace(a_session(world, owner), epoch=owner.epoch - 1)
    for session in (kept, other, ended, void):
        await sessions.add(session)
    await sessions.end(ended.id, reason="logout", now=world.time)
    await accounts.raise_epoch(owner.id, seen_epoch=owner.epoch)
    for session in (kept, ended, void):
        await sessions.carry_over(session.id, seen_epoch=owner.epoch, epoch=owner.epoch + 1)
    all_of_them = (kept, other, ended, void)
    owners = [await sessions.live_owner(one.id, now=world.time) for one in all_of_them]
    assert [found is not None for found in owners] == [True, False, False, False]


async def test_sessions_are_forgotten_once_they_have_expired_for_good(
    sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    short = replace(a_session(world, owner), expires_at=world.time + timedelta(hours=1))
    long = replace(a_session(world, owner), expires_at=world.time + timedelta(hours=2))
    for session in (short, long):
        await sessions.add(session)
    await sessions.end(long.id, reason="logout", now=world.time)
    assert await sessions.forget(before=short.expires_at) == 0
    assert await sessions.forget(before=long.expires_at) == 1
    assert await sessions.get(short.id) is None
    assert await sessions.get(long.id) is not None
