"""Mailed links where something fails half way: what was not done can be tried again."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from chronicle.auth.credentials import Credentials
from chronicle.auth.password_reset import PasswordReset
from chronicle.auth.ports import Granted
from chronicle.auth.report import Report
from chronicle.auth.sessions import SignedIn
from chronicle.errors import Gone, Rejected, Unauthenticated, Unavailable
from chronicle.security.events import EventKind, EventLog, Happening
from chronicle.security.known_devices import Presented
from chronicle.security.mailed_tokens import TokenPurpose
from chronicle.security.ports import GuessCount
from chronicle.security.visitors import Visitor
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


async def sign_in_elsewhere(desk: Desk, session: SignedIn) -> None:
    await desk.sign_in.with_password(ADA, PASSWORD, Visitor("198.51.100.9", BROWSER.agent))


async def change_password(desk: Desk, session: SignedIn) -> None:
    identity, _ = await desk.keeping.identify(session.access_token)
    await the_reset(desk).credentials.change_password(identity, PASSWORD, NEW, BROWSER)


async def guess_while_signed_in(desk: Desk, session: SignedIn) -> None:
    identity, _ = await desk.keeping.identify(session.access_token)
    account = await desk.book.record(identity.account_id)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await desk.again.demand(identity, account, "wrong", BROWSER, before=EventKind.SIGN_IN)


@pytest.mark.parametrize("tell", [sign_in_elsewhere, change_password, guess_while_signed_in])
async def test_this_was_not_me_can_be_said_for_72_hours(
    desk: Desk, tell: Callable[[Desk, SignedIn], Awaitable[None]]
) -> None:
    session = await desk.sign_up()
    await tell(desk, session)
    token = link_token(desk)
    assert f"/report#token={token}" in desk.mailer.sent[-1].text
    desk.world.pass_time(hours=72)
    with pytest.raises(Rejected, match="invalid_mailed_token"):
        await the_report(desk).stranger(token, BROWSER)
    desk.world.pass_time(seconds=-1)
    await the_report(desk).stranger(token, BROWSER)


async def test_the_link_of_a_reset_works_for_ten_minutes(desk: Desk) -> None:
    await desk.sign_up()
    reset = the_reset(desk)
    await reset.start(ADA)
    token = link_token(desk)
    desk.world.pass_time(minutes=10)
    with pytest.raises(Rejected, match="invalid_reset_token"):
        await reset.finish_with_token(token, NEW, BROWSER)
    desk.world.pass_time(seconds=-1)
    await reset.finish_with_token(token, NEW, BROWSER)


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


PARTS_OF_A_TOKEN: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "one character": lambda token: token[:1],
    "all but the last": lambda token: token[:-1],
    "all but the first": lambda token: token[1:],
    "more than all": lambda token: token + token[-1],
    "another start": lambda token: token[1::-1] + token[2:],
    "another end": lambda token: token[:-3] + token[:-4:-1],
}


@pytest.mark.parametrize("part", PARTS_OF_A_TOKEN.values(), ids=PARTS_OF_A_TOKEN)
async def test_a_link_beside_a_code_lets_in_by_its_whole_token_alone(
    desk: Desk, part: Callable[[str], str]
) -> None:
    started = await desk.registration.start(ADA, PASSWORD, None)
    token = link_token(desk)
    assert part(token) != token
    with pytest.raises(Rejected, match="invalid_mailed_token"):
        await desk.registration.finish_with_link(started.ticket, part(token), BROWSER)
    assert await desk.registration.finish_with_link(started.ticket, token, BROWSER)


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
