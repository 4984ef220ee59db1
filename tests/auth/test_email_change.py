"""Changes of an address where time passes, things fail half way, or somebody is no friend."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from chronicle.auth.mailed_codes import MailedCodes, TicketIssued
from chronicle.auth.sessions import SignedIn
from chronicle.auth.tokens import Identity
from chronicle.errors import Conflict, Gone, Rejected, TooMany, Unauthenticated, Unavailable
from chronicle.security.events import EventLog, Happening
from chronicle.security.mailed_tokens import TokenDesk, TokenPurpose
from chronicle.users.accounts import NewAccount
from chronicle.users.addresses import KEPT, MOST_KEPT
from chronicle.users.emails import EmailAddress, parse_email
from chronicle.users.ports import AccountId, AccountRecord
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk, remember
from tests.auth.test_mailed_links import the_report, the_reset

NEXT = parse_email("ada@new.example")
THIRD = parse_email("ada@third.example")
NEW = "another fifteen characters"


class UnreliableEvents(EventLog):
    """Fails while the database does."""

    async def note(self, happening: Happening) -> None:
        raise Unavailable


class UnreliableTokens(TokenDesk):
    """Fails while the database does."""

    async def issue(self, *_: Any, **__: Any) -> str:
        raise Unavailable

    async def spend(self, *_: Any) -> None:
        raise Unavailable


def unreliable_events(desk: Desk) -> UnreliableEvents:
    log = desk.events
    return UnreliableEvents(log.events, log.cipher, log.index, log.cursors, log.world)


async def identity_of(desk: Desk, session: SignedIn) -> Identity:
    return (await desk.keeping.identify(session.access_token))[0]


async def change(desk: Desk, who: Identity, email: EmailAddress) -> None:
    issued = await desk.email_change.start_change(who.account_id, email)
    await desk.email_change.finish(who, issued.ticket, desk.newest_code(), BROWSER)


def undo_token(desk: Desk, to: EmailAddress = ADA) -> str:
    for mail in reversed(desk.mailer.to(to.entered)):
        match = re.search(r"/undo#token=([\w-]{22})", mail.text)
        if match:
            return match[1]
    raise AssertionError("no mail with a link")


async def address(desk: Desk, account_id: AccountId) -> str:
    return (await desk.book.read(account_id)).email


async def report_token(desk: Desk, account: AccountRecord) -> str:
    return await desk.lock.tokens.issue(
        TokenPurpose.REPORT, account.id, epoch=account.epoch, lifetime=timedelta(hours=72)
    )


async def test_a_code_works_for_ten_minutes_and_not_longer(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    issued = await desk.email_change.start_change(who.account_id, NEXT)
    code = desk.newest_code()
    desk.world.pass_time(minutes=10)
    with pytest.raises(Gone, match="ticket_expired"):
        await desk.email_change.finish(who, issued.ticket, code, BROWSER)
    assert await address(desk, who.account_id) == ADA.entered


async def test_a_ticket_is_void_once_the_accounts_security_moved(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    issued = await desk.email_change.start_change(who.account_id, NEXT)
    code = desk.newest_code()
    await desk.book.void_sessions(who.account_id)
    with pytest.raises(Gone, match="ticket_expired"):
        await desk.email_change.finish(who, issued.ticket, code, BROWSER)


async def test_a_ticket_that_shared_state_revives_changes_nothing_again(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    issued = await desk.email_change.start_change(who.account_id, NEXT)
    code, backup = desk.newest_code(), dict(desk.tickets.kept)
    await desk.email_change.finish(who, issued.ticket, code, BROWSER)
    await change(desk, who, ADA)
    desk.tickets.kept = backup
    with pytest.raises(Gone):
        await desk.email_change.finish(who, issued.ticket, code, BROWSER)
    assert await address(desk, who.account_id) == ADA.entered


async def test_a_taken_address_costs_the_same_work_and_tells_its_owner(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    other = AccountId(desk.world.world.new_id())
    await desk.book.open(NewAccount(other, parse_email("Bob@taken.example"), True, None, "hash"))

    async def work(email: str) -> tuple[int, int, int]:
        before = desk.hashing.computed, len(desk.mailer.sent), len(desk.tickets.kept)
        await desk.email_change.start_change(who.account_id, parse_email(email))
        after = desk.hashing.computed, len(desk.mailer.sent), len(desk.tickets.kept)
        return after[0] - before[0], after[1] - before[1], after[2] - before[2]

    assert await work("free@taken.example") == (0, 1, 1)
    assert await work("bob@TAKEN.example") == (0, 1, 1)
    assert desk.mailer.sent[-1].to == "Bob@taken.example"
    assert not re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", desk.mailer.sent[-1].text)


class OverheardCodes(MailedCodes):
    """Hands out as ever, and lets a test hear what it handed out."""

    heard: ClassVar[list[str]] = []

    async def issue(self, *what: Any) -> tuple[TicketIssued, str]:
        issued, code = await super().issue(*what)
        self.heard.append(code)
        return issued, code


async def test_no_code_is_right_for_an_address_that_was_taken_when_it_was_asked_for(
    desk: Desk,
) -> None:
    who = await identity_of(desk, await desk.sign_up())
    other = AccountId(desk.world.world.new_id())
    await desk.book.open(NewAccount(other, NEXT, True, None, "hash"))
    codes = desk.email_change.codes
    overheard = OverheardCodes(codes.tickets, codes.cipher, codes.keys, codes.guesses, codes.world)
    changing = replace(desk.email_change, codes=overheard)
    issued = await changing.start_change(who.account_id, NEXT)
    with pytest.raises(Rejected, match="invalid_code"):
        await changing.finish(who, issued.ticket, overheard.heard[-1], BROWSER)


async def test_wrong_codes_count_for_the_account_and_not_for_the_address(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    for _ in range(2):
        issued = await desk.email_change.start_change(who.account_id, NEXT)
        for _ in range(5):
            with pytest.raises(Rejected, match="invalid_code"):
                await desk.email_change.finish(who, issued.ticket, "0000-0000", BROWSER)
    issued = await desk.email_change.start_change(who.account_id, NEXT)
    with pytest.raises(TooMany):
        await desk.email_change.finish(who, issued.ticket, desk.newest_code(), BROWSER)
    signing_up = await desk.registration.start(NEXT, PASSWORD, None)
    assert await desk.registration.finish(signing_up.ticket, desk.newest_code(), BROWSER)


async def test_whoever_proves_the_address_first_has_it(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    issued = await desk.email_change.start_change(who.account_id, NEXT)
    code = desk.newest_code()
    other = AccountId(desk.world.world.new_id())
    await desk.book.open(NewAccount(other, NEXT, True, None, "hash"))
    with pytest.raises(Conflict, match="email_taken"):
        await desk.email_change.finish(who, issued.ticket, code, BROWSER)
    assert await address(desk, who.account_id) == ADA.entered
    assert await identity_of_epoch(desk, who) == 0


async def identity_of_epoch(desk: Desk, who: Identity) -> int:
    return (await desk.book.record(who.account_id)).epoch


async def test_the_former_address_takes_the_account_back_for_seven_days(desk: Desk) -> None:
    session = await desk.sign_up()
    who = await identity_of(desk, session)
    device = await remember(desk, who.account_id, epoch=0)
    await change(desk, who, NEXT)
    token = undo_token(desk)
    desk.world.time += KEPT - timedelta(seconds=1)
    await desk.email_undo.undo(token, BROWSER)
    assert await address(desk, who.account_id) == ADA.entered
    assert await desk.book.find(NEXT) is None
    epoch = await identity_of_epoch(desk, who)
    assert await desk.devices.recognise(who.account_id, device, epoch=epoch) is None
    for email in (ADA, NEXT):
        with pytest.raises(Unauthenticated):
            await desk.sign_in.with_password(email, PASSWORD, BROWSER)
    assert {mail.to for mail in desk.mailer.sent[-2:]} == {ADA.entered, NEXT.entered}
    with pytest.raises(Rejected, match="invalid_mailed_token"):
        await desk.email_undo.undo(token, BROWSER)
    reset = the_reset(desk)
    issued = await reset.start(ADA)
    await reset.finish_with_code(issued.ticket, desk.newest_code(), NEW, BROWSER)
    assert await desk.sign_in.with_password(ADA, NEW, BROWSER)


async def test_after_seven_days_a_change_can_not_be_undone(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    await change(desk, who, NEXT)
    desk.world.time += KEPT
    with pytest.raises(Rejected, match="invalid_mailed_token"):
        await desk.email_undo.undo(undo_token(desk), BROWSER)
    assert await address(desk, who.account_id) == NEXT.entered


async def test_a_thiefs_second_change_does_not_keep_the_owner_out(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    await change(desk, who, NEXT)
    await change(desk, who, THIRD)
    thiefs = undo_token(desk, NEXT)
    await desk.email_undo.undo(undo_token(desk), BROWSER)
    assert await address(desk, who.account_id) == ADA.entered
    with pytest.raises(Rejected, match="invalid_mailed_token"):
        await desk.email_undo.undo(thiefs, BROWSER)
    assert await address(desk, who.account_id) == ADA.entered


async def test_no_number_of_changes_pushes_the_owners_address_out(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    for number in range(MOST_KEPT):
        await change(desk, who, parse_email(f"thief{number}@new.example"))
    with pytest.raises(TooMany) as refused:
        await desk.email_change.start_change(who.account_id, NEXT)
    assert refused.value.code == "too_many_requests"
    await desk.email_undo.undo(undo_token(desk), BROWSER)
    assert await address(desk, who.account_id) == ADA.entered


async def test_an_undo_whose_event_was_noted_nowhere_is_done_all_the_same(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    await change(desk, who, NEXT)
    token = undo_token(desk)
    desk.mailer.sent.clear()
    await replace(desk.email_undo, events=unreliable_events(desk)).undo(token, BROWSER)
    assert await address(desk, who.account_id) == ADA.entered
    assert {mail.to for mail in desk.mailer.sent} == {ADA.entered, NEXT.entered}
    with pytest.raises(Rejected, match="invalid_mailed_token"):
        await desk.email_undo.undo(token, BROWSER)


async def test_a_change_whose_event_or_mail_failed_is_no_failure(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    failing = replace(
        desk.email_change,
        events=unreliable_events(desk),
        tokens=UnreliableTokens(desk.lock.tokens.tokens, desk.world.world),
    )
    issued = await failing.start_change(who.account_id, NEXT)
    account = await failing.finish(who, issued.ticket, desk.newest_code(), BROWSER)
    assert account.email == NEXT.entered


async def test_a_report_brings_back_the_address_that_it_was_mailed_to(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    token = await report_token(desk, await desk.book.record(who.account_id))
    await change(desk, who, NEXT)
    await change(desk, who, THIRD)
    await the_report(desk).stranger(token, BROWSER)
    account = await desk.book.record(who.account_id)
    assert await address(desk, who.account_id) == ADA.entered
    assert desk.book.password_hash(account) is None
    assert {mail.to for mail in desk.mailer.sent[-2:]} == {ADA.entered, THIRD.entered}
    with pytest.raises(Rejected, match="invalid_mailed_token"):
        await desk.email_undo.undo(undo_token(desk, NEXT), BROWSER)


async def test_a_report_from_the_new_mailbox_does_not_bring_the_old_one_back(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    await change(desk, who, NEXT)
    token = await report_token(desk, await desk.book.record(who.account_id))
    await the_report(desk).stranger(token, BROWSER)
    assert await address(desk, who.account_id) == NEXT.entered
    assert desk.book.password_hash(await desk.book.record(who.account_id)) is None


async def test_where_the_address_is_taken_a_report_still_ends_every_session(desk: Desk) -> None:
    session = await desk.sign_up()
    who = await identity_of(desk, session)
    token = await report_token(desk, await desk.book.record(who.account_id))
    await change(desk, who, NEXT)
    other = AccountId(desk.world.world.new_id())
    await desk.book.open(NewAccount(other, ADA, True, None, "hash"))
    await the_report(desk).stranger(token, BROWSER)
    assert await address(desk, who.account_id) == NEXT.entered
    assert desk.book.password_hash(await desk.book.record(who.account_id)) is None
    with pytest.raises(Unauthenticated):
        await desk.keeping.identify(session.access_token)


async def test_an_unverified_account_gives_way_to_whoever_undoes_a_change(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    await change(desk, who, NEXT)
    token = undo_token(desk)
    squatter, _ = await desk.immediate.sign_up(ADA, PASSWORD, None, BROWSER)
    await desk.email_undo.undo(token, BROWSER)
    assert await address(desk, who.account_id) == ADA.entered
    with pytest.raises(Unauthenticated):
        await desk.keeping.identify(squatter.access_token)


async def test_an_account_row_keeps_no_former_address_in_plain_text(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    await change(desk, who, NEXT)
    record = await desk.book.record(who.account_id)
    assert record.former_emails is not None
    assert b"ada@example.org" not in record.former_emails
    desk.world.time += KEPT + timedelta(seconds=1)
    assert await desk.addresses.forget_old() == 1
    assert (await desk.book.record(who.account_id)).former_emails is None


async def test_a_change_stands_in_the_ledger_and_in_the_history(desk: Desk) -> None:
    who = await identity_of(desk, await desk.sign_up())
    await change(desk, who, NEXT)
    await desk.email_undo.undo(undo_token(desk), BROWSER)
    rows = desk.engine.all("SELECT kind FROM credential_changes ORDER BY id", ())
    assert [kind for (kind,) in rows] == ["email", "email", "password"]
    page = await desk.events.page(who.account_id, cursor=None, limit=20)
    told = [(event.kind, event.method) for event in page.events]
    assert told[:2] == [("reported", "undo"), ("email_change", "otp")]


def test_former_addresses_outlive_the_links_of_reports() -> None:
    assert timedelta(hours=72) < KEPT
