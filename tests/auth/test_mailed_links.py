"""Mailed links where something fails half way: what was not done can be tried again."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from chronicle.auth.credentials import Credentials
from chronicle.auth.password_reset import PasswordReset
from chronicle.auth.ports import Granted
from chronicle.auth.report import Report
from chronicle.auth.sessions import SignedIn
from chronicle.errors import Gone, Rejected, Unauthenticated, Unavailable
from chronicle.security.events import EventLog, Happening
from chronicle.security.known_devices import Presented
from chronicle.security.mailed_tokens import TokenPurpose
from chronicle.security.ports import GuessCount
from tests.auth.conftest import ADA, BASE_URL, BROWSER, PASSWORD, Desk, remember
from tests.fakes.faults import Fault

NEW = "another fifteen characters"


class NoGrants:
    """A database that stores nothing."""

    async def add(self, granted: Granted) -> GuessCount | None:
        raise Unavailable


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
        devices=desk.devices,
        mailer=desk.mailer,
        base_url=BASE_URL,
        world=desk.world.world,
    )
    return PasswordReset(
        book=desk.book,
        codes=desk.registration.codes,
        refused=desk.email_change.refused,
        credentials=credentials,
        lock=desk.lock,
        tokens=desk.lock.tokens,
        devices=desk.devices,
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
    device = await remember(desk, session.account.id, epoch=0)
    report, reset = the_report(desk), the_reset(desk)
    token = await report.tokens.issue(
        TokenPurpose.REPORT, session.account.id, epoch=0, lifetime=timedelta(hours=72)
    )
    await report.stranger(token, BROWSER)
    assert await desk.devices.recognise(session.account.id, device, epoch=1) is None
    await reset.start(ADA)
    await reset.finish_with_token(link_token(desk), NEW, BROWSER)
    desk.mailer.sent.clear()
    await desk.sign_in.with_password(ADA, NEW, BROWSER, device=Presented(device))
    assert "/report#token=" in desk.mailer.sent[-1].text


async def test_links_beside_codes_wait_for_shared_state_and_are_not_spent_meanwhile(
    desk: Desk,
) -> None:
    started = await desk.registration.start(ADA, PASSWORD, None)
    token = link_token(desk)
    desk.tickets.faults.always = Fault.FAILS
    with pytest.raises(Unavailable):
        await desk.registration.finish_with_link(started.ticket, token, BROWSER)
    desk.tickets.faults.always = None
    assert await desk.registration.finish_with_link(started.ticket, token, BROWSER)

    entry = desk.code_sign_in
    asked = await entry.start(ADA)
    token = link_token(desk)
    desk.tickets.faults.always = Fault.FAILS
    with pytest.raises(Unavailable):
        await entry.finish_with_link(asked.ticket, token, BROWSER)
    desk.tickets.faults.always = None
    assert await entry.finish_with_link(asked.ticket, token, BROWSER)


async def test_a_sign_in_by_link_that_was_noted_nowhere_gives_no_session_and_no_second_try(
    desk: Desk,
) -> None:
    session = await desk.sign_up()
    entry = desk.code_sign_in
    asked = await entry.start(ADA)
    token = link_token(desk)
    failing = replace(entry, sign_in=replace(desk.sign_in, grants=NoGrants()))
    before = (await desk.keeping.page(session.account.id, cursor=None, limit=100)).sessions
    with pytest.raises(Unavailable):
        await failing.finish_with_link(asked.ticket, token, BROWSER)
    with pytest.raises(Gone):
        await entry.finish_with_link(asked.ticket, token, BROWSER)
    assert (await desk.keeping.page(session.account.id, cursor=None, limit=100)).sessions == before


async def test_a_used_ticket_that_shared_state_brings_back_lets_nobody_in_by_its_link(
    desk: Desk,
) -> None:
    await desk.sign_up()
    entry = desk.code_sign_in
    asked = await entry.start(ADA)
    token = link_token(desk)
    copy = dict(desk.tickets.kept)
    assert await entry.finish_with_link(asked.ticket, token, BROWSER)
    desk.tickets.kept = copy
    with pytest.raises(Gone):
        await entry.finish_with_link(asked.ticket, token, BROWSER)


async def test_a_link_beside_a_code_is_good_for_ten_minutes(desk: Desk) -> None:
    started = await desk.registration.start(ADA, PASSWORD, None)
    token = link_token(desk)
    desk.world.pass_time(minutes=10)
    with pytest.raises(Gone):
        await desk.registration.finish_with_link(started.ticket, token, BROWSER)


async def test_the_mail_of_another_code_has_a_link_that_works(desk: Desk) -> None:
    started = await desk.registration.start(ADA, PASSWORD, None)
    desk.world.pass_time(minutes=9)
    await desk.registration.resend(started.ticket)
    desk.world.pass_time(minutes=9)
    assert await desk.registration.finish_with_link(started.ticket, link_token(desk), BROWSER)


async def test_of_32_uses_of_a_link_that_all_saw_its_ticket_one_gets_in(desk: Desk) -> None:
    started = await desk.registration.start(ADA, PASSWORD, None)
    token = link_token(desk)
    made = await asyncio.gather(
        *(desk.registration.finish_with_link(started.ticket, token, BROWSER) for _ in range(32)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, SignedIn) for each in made) == 1
    assert sum(isinstance(each, Gone) for each in made) == 31

    entry = desk.code_sign_in
    asked = await entry.start(ADA)
    token, code = link_token(desk), desk.newest_code()
    entered = await asyncio.gather(
        *(entry.finish_with_link(asked.ticket, token, BROWSER) for _ in range(28)),
        *(entry.finish(asked.ticket, code, BROWSER) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, SignedIn) for each in entered) == 1
    assert sum(isinstance(each, Gone) for each in entered) == 31
