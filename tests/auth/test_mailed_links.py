"""Mailed links where something fails half way: what was not done can be tried again."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from chronicle.auth.credentials import Credentials
from chronicle.auth.password_reset import PasswordReset
from chronicle.auth.report import Report
from chronicle.errors import Rejected, Unauthenticated, Unavailable
from chronicle.security.events import EventLog, Happening
from chronicle.security.mailed_tokens import TokenPurpose
from tests.auth.conftest import ADA, BASE_URL, BROWSER, PASSWORD, Desk

NEW = "another fifteen characters"


class UnreliableEvents(EventLog):
    """Fails while the database does."""

    async def note(self, happening: Happening) -> None:
        raise Unavailable


def the_reset(desk: Desk) -> PasswordReset:
    credentials = Credentials(
        book=desk.book,
        keeping=desk.keeping,
        hashing=desk.hashing,
        policy=desk.registration.policy,
        again=desk.again,
        events=desk.events,
        tokens=desk.lock.tokens,
        mailer=desk.mailer,
        base_url=BASE_URL,
        world=desk.world.world,
    )
    return PasswordReset(
        book=desk.book,
        codes=desk.registration.codes,
        credentials=credentials,
        lock=desk.lock,
        tokens=desk.lock.tokens,
        mailer=desk.mailer,
        base_url=BASE_URL,
    )


def the_report(desk: Desk) -> Report:
    return Report(
        book=desk.book,
        addresses=desk.addresses,
        events=desk.events,
        tokens=desk.lock.tokens,
        devices=desk.devices,
        mailer=desk.mailer,
        base_url=BASE_URL,
    )


def link_token(desk: Desk) -> str:
    match = re.search(r"#token=([\w-]{22})", desk.mailer.sent[-1].text)
    assert match
    return match[1]


async def test_a_full_hash_queue_does_not_spend_the_link_of_a_reset(desk: Desk) -> None:
    await desk.sign_up()
    reset = the_reset(desk)
    await reset.start(ADA)
    token = link_token(desk)
    desk.hashing.full = True
    with pytest.raises(Unavailable):
        await reset.finish_with_token(token, NEW, BROWSER)
    desk.hashing.full = False
    await reset.finish_with_token(token, NEW, BROWSER)
    assert await desk.sign_in.with_password(ADA, NEW, BROWSER)
    with pytest.raises(Rejected):
        await reset.finish_with_token(token, PASSWORD, BROWSER)


async def test_a_report_that_was_noted_nowhere_can_be_made_again(desk: Desk) -> None:
    session = await desk.sign_up()
    report = the_report(desk)
    token = await report.tokens.issue(
        TokenPurpose.REPORT, session.account.id, epoch=0, lifetime=timedelta(hours=72)
    )
    unreliable = UnreliableEvents(
        desk.events.events,
        desk.events.cipher,
        desk.events.index,
        desk.events.cursors,
        desk.events.world,
    )
    with pytest.raises(Unavailable):
        await replace(report, events=unreliable).stranger(token, BROWSER)
    await report.stranger(token, BROWSER)
    with pytest.raises(Unauthenticated):
        await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    page = await desk.events.page(session.account.id, cursor=None, limit=20)
    assert "reported" in [event.kind for event in page.events]
    with pytest.raises(Rejected):
        await report.stranger(token, BROWSER)


async def test_after_a_report_the_strangers_browser_and_place_are_new_again(desk: Desk) -> None:
    session = await desk.sign_up()
    device = await desk.devices.remember(session.account.id, None, BROWSER)
    report, reset = the_report(desk), the_reset(desk)
    token = await report.tokens.issue(
        TokenPurpose.REPORT, session.account.id, epoch=0, lifetime=timedelta(hours=72)
    )
    await report.stranger(token, BROWSER)
    assert await desk.devices.recognise(session.account.id, device) is None
    await reset.start(ADA)
    await reset.finish_with_token(link_token(desk), NEW, BROWSER)
    desk.mailer.sent.clear()
    await desk.sign_in.with_password(ADA, NEW, BROWSER, device_token=device)
    assert "/report#token=" in desk.mailer.sent[-1].text
