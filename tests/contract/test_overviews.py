"""What every read that gathers promises."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chronicle.auth.ports import Sessions
from chronicle.overview.ports import Overviews, Part
from chronicle.security.ports import Events
from chronicle.uploads.ports import Uploads
from chronicle.users.ports import AccountId, AccountRecord, Accounts
from tests.contract.test_accounts import an_account
from tests.contract.test_events import a_granted, an_event
from tests.contract.test_sessions import a_session
from tests.contract.test_uploads import an_upload
from tests.fakes.world import FakeWorld

EVERYTHING = frozenset(Part)


@pytest.fixture
async def owner(accounts: Accounts, world: FakeWorld) -> AccountRecord:
    record = an_account(world)
    await accounts.add(record)
    return record


async def test_a_profile_comes_with_its_histories_newest_first(
    overviews: Overviews,
    sessions: Sessions,
    events: Events,
    uploads: Uploads,
    world: FakeWorld,
    owner: AccountRecord,
) -> None:
    stored: dict[Part, list[object]] = {part: [] for part in Part}
    for make in (an_event, a_granted, an_event):
        world.pass_time(milliseconds=2)
        event = replace(make(world), account_id=owner.id)
        session, upload = a_session(world, owner), an_upload(world, owner)
        await events.add(event)
        await sessions.add(session)
        await uploads.add(upload)
        stored[Part.LOGIN_EVENTS].insert(0, event)
        stored[Part.SESSIONS].insert(0, session)
        stored[Part.UPLOADS].insert(0, upload)
    found = await overviews.gather(owner.id, EVERYTHING, now=world.time, limit=10)
    assert found is not None
    assert (found.profile.id, found.profile.email) == (owner.id, owner.email)
    assert list(found.login_events) == stored[Part.LOGIN_EVENTS]
    assert list(found.sessions) == stored[Part.SESSIONS]
    assert list(found.uploads) == stored[Part.UPLOADS]


@pytest.mark.parametrize("part", Part)
async def test_what_was_not_asked_for_is_not_read(
    overviews: Overviews,
    sessions: Sessions,
    events: Events,
    uploads: Uploads,
    world: FakeWorld,
    owner: AccountRecord,
    part: Part,
) -> None:
    await events.add(an_event(world, owner.id))
    await sessions.add(a_session(world, owner))
    await uploads.add(an_upload(world, owner))
    found = await overviews.gather(owner.id, frozenset({part}), now=world.time, limit=10)
    assert found is not None
    sizes = {one: len(getattr(found, one)) for one in Part}
    assert sizes == {one: int(one is part) for one in Part}


async def test_no_more_than_asked_for_and_nothing_of_others(
    overviews: Overviews,
    events: Events,
    uploads: Uploads,
    accounts: Accounts,
    world: FakeWorld,
    owner: AccountRecord,
) -> None:
    other = an_account(world, email_index=b"o" * 32)
    await accounts.add(other)
    for _ in range(3):
        world.pass_time(milliseconds=2)
        for account in (owner, other):
            await events.add(an_event(world, account.id))
            await uploads.add(an_upload(world, account))
        await events.add(an_event(world, None))
    found = await overviews.gather(owner.id, EVERYTHING, now=world.time, limit=2)
    assert found is not None
    assert list(found.login_events) == list(await events.page(owner.id, before=None, limit=2))
    assert list(found.uploads) == list(await uploads.page(owner.id, before=None, limit=2))


async def test_only_live_sessions_are_gathered(
    overviews: Overviews, sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    live, ended, of_before = (a_session(world, owner) for _ in range(3))
    expired = replace(a_session(world, owner), expires_at=world.time)
    for session in (live, ended, expired, replace(of_before, epoch=owner.epoch - 1)):
        await sessions.add(session)
    await sessions.end(ended.id, reason="logout", now=world.time)
    found = await overviews.gather(
        owner.id, frozenset({Part.SESSIONS}), now=world.time + timedelta(seconds=1), limit=1
    )
    assert found is not None
    assert list(found.sessions) == [live]


async def test_no_more_live_sessions_are_gathered_than_asked_for(
    overviews: Overviews, sessions: Sessions, world: FakeWorld, owner: AccountRecord
) -> None:
    live = [a_session(world, owner) for _ in range(3)]
    for session in live:
        await sessions.add(session)
    parts = frozenset({Part.SESSIONS})
    found = await overviews.gather(owner.id, parts, now=world.time, limit=2)
    assert found is not None
    newest = await sessions.live_of(owner.id, now=world.time, before=None, limit=2)
    assert list(found.sessions) == list(newest)
    assert len(newest) == 2


async def test_an_account_that_never_was_has_no_overview(
    overviews: Overviews, world: FakeWorld
) -> None:
    nobody = AccountId(b"n" * 16)
    assert await overviews.gather(nobody, EVERYTHING, now=world.time, limit=10) is None
