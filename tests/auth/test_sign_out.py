"""Ending sessions: the others, or all; what races them, and the devices that stay known."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from chronicle.adapters.database.sqlite.accounts import SqliteAccounts
from chronicle.adapters.database.sqlite.known_devices import SqliteKnownDevices
from chronicle.auth.sessions import SignedIn
from chronicle.auth.sign_out import SignOut
from chronicle.errors import Unauthenticated, Unavailable
from chronicle.security.known_devices import Presented
from chronicle.security.mailed_tokens import TokenPurpose
from chronicle.users.ports import AccountId
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk, remember
from tests.auth.test_mailed_links import the_report


class OverrunAccounts(SqliteAccounts):
    """Somebody ends all sessions right after each time that the epoch moves."""

    async def raise_epoch(self, account_id: AccountId, *, seen_epoch: int) -> bool:
        raised = await super().raise_epoch(account_id, seen_epoch=seen_epoch)
        await super().raise_epoch(account_id, seen_epoch=seen_epoch + 1)
        return raised


class UnreliableDevices(SqliteKnownDevices):
    """Fails where devices are to be carried over."""

    async def carry_over(
        self, account_id: bytes, *, seen_epoch: int, epoch: int, only: bytes | None = None
    ) -> None:
        raise Unavailable


def sign_out(desk: Desk) -> SignOut:
    return SignOut(desk.book, desk.keeping, desk.devices)


async def lives(desk: Desk, session: SignedIn) -> bool:
    try:
        await desk.keeping.identify(session.access_token)
    except Unauthenticated:
        return False
    return True


async def leave_elsewhere(desk: Desk, session: SignedIn) -> None:
    identity, _ = await desk.keeping.identify(session.access_token)
    await sign_out(desk).elsewhere(identity)


async def test_all_others_end_and_the_caller_goes_on(desk: Desk) -> None:
    first = await desk.sign_up()
    own = await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    other = await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    await leave_elsewhere(desk, own)
    assert [await lives(desk, one) for one in (first, own, other)] == [False, True, False]
    rotated = await desk.keeping.rotate(own.refresh_token, BROWSER)
    assert await lives(desk, rotated)
    for ended in (first, other):
        with pytest.raises(Unauthenticated):
            await desk.keeping.rotate(ended.refresh_token, BROWSER)
    await leave_elsewhere(desk, rotated)
    assert await lives(desk, rotated)


async def test_a_session_that_ended_meanwhile_ends_nobody_else(desk: Desk) -> None:
    early = await desk.sign_up()
    identity, _ = await desk.keeping.identify(early.access_token)
    await sign_out(desk).everywhere(early.account.id)
    later = await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    with pytest.raises(Unauthenticated):
        await sign_out(desk).elsewhere(identity)
    assert await lives(desk, later)


async def test_of_sessions_that_end_each_other_at_once_one_is_left(desk: Desk) -> None:
    sessions = [await desk.sign_up()]
    sessions += [await desk.sign_in.with_password(ADA, PASSWORD, BROWSER) for _ in range(7)]
    identities = [(await desk.keeping.identify(one.access_token))[0] for one in sessions]
    ended = await asyncio.gather(
        *(sign_out(desk).elsewhere(identity) for identity in identities), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in ended) == ["NoneType"] + ["Unauthenticated"] * 7
    living = [await lives(desk, one) for one in sessions]
    assert living == [outcome is None for outcome in ended]


async def test_the_end_of_all_also_ends_the_one_that_just_ended_the_others(desk: Desk) -> None:
    session = await desk.sign_up()
    identity, _ = await desk.keeping.identify(session.access_token)
    overrun = replace(desk.book, accounts=OverrunAccounts(desk.engine))
    await SignOut(overrun, desk.keeping, desk.devices).elsewhere(identity)
    assert not await lives(desk, session)


async def test_devices_stay_known_when_sessions_end(desk: Desk) -> None:
    session = await desk.sign_up()
    account_id = session.account.id
    token = await remember(desk, account_id, epoch=0)
    await leave_elsewhere(desk, session)
    assert await desk.devices.recognise(account_id, token, epoch=1) is not None
    await sign_out(desk).everywhere(account_id)
    assert await desk.devices.recognise(account_id, token, epoch=2) is not None
    assert len(await desk.devices.listed(account_id, epoch=2)) == 1


async def test_devices_that_can_not_be_carried_over_are_forgotten_and_sessions_end_all_the_same(
    desk: Desk,
) -> None:
    session = await desk.sign_up()
    token = await remember(desk, session.account.id, epoch=0)
    unreliable = replace(desk.devices, devices=UnreliableDevices(desk.engine))
    await SignOut(desk.book, desk.keeping, unreliable).everywhere(session.account.id)
    assert not await lives(desk, session)
    assert await desk.devices.recognise(session.account.id, token, epoch=1) is None


async def test_a_sign_in_that_races_a_report_leaves_no_known_device_behind(desk: Desk) -> None:
    account_id = (await desk.sign_up()).account.id
    seen = await desk.book.record(account_id)
    report = the_report(desk)
    link = await report.tokens.issue(
        TokenPurpose.REPORT, account_id, epoch=0, lifetime=timedelta(hours=72)
    )
    await report.stranger(link, BROWSER)
    # What the stranger sent was right when it was verified; the report is long done when it ends.
    stranger = await desk.sign_in.grant(seen, ("pwd",), BROWSER, device=Presented(keeps=True))
    account = await desk.book.record(account_id)
    token = stranger.device_token
    assert token is not None
    assert await desk.devices.recognise(account_id, token, epoch=account.epoch) is None
    assert await desk.devices.listed(account_id, epoch=account.epoch) == []
    assert not await lives(desk, stranger)
