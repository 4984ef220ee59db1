"""Accounts whose address nobody proved yet: whoever does gets them, alone."""

import re

import pytest

from chronicle.auth.sessions import SignedIn
from chronicle.auth.tokens import Identity
from chronicle.errors import Conflict, Gone, Rejected, Unauthenticated, Unavailable
from chronicle.security.mailed_tokens import TokenPurpose
from chronicle.users.emails import parse_email
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk, remember
from tests.auth.test_email_change import (
    NEW,
    NEXT,
    change,
    identity_of,
    report_token,
    the_report,
    the_reset,
)
from tests.fakes.faults import Fault


async def sign_up(desk: Desk) -> tuple[SignedIn, str, str]:
    """A session, and the ticket and code that confirm its address."""
    session, issued = await desk.immediate.sign_up(ADA, PASSWORD, "Mallory", BROWSER)
    return session, issued.ticket, desk.newest_code()


async def is_alive(desk: Desk, session: SignedIn) -> bool:
    try:
        await desk.keeping.identify(session.access_token)
    except Unauthenticated:
        return False
    return True


async def may_sign_in(desk: Desk, password: str = PASSWORD) -> bool:
    try:
        await desk.sign_in.with_password(ADA, password, BROWSER)
    except Unauthenticated:
        return False
    return True


async def is_verified(desk: Desk, who: SignedIn) -> bool:
    return (await desk.book.read(who.account.id)).email_verified


async def test_an_account_is_there_at_once_and_unverified(desk: Desk) -> None:
    session, _, _ = await sign_up(desk)
    assert not session.account.email_verified
    assert await may_sign_in(desk)


async def test_a_taken_address_is_refused_and_leaves_no_ticket(desk: Desk) -> None:
    await desk.sign_up()
    kept = len(desk.tickets.kept)
    with pytest.raises(Conflict, match="email_taken"):
        await desk.immediate.sign_up(ADA, NEW, None, BROWSER)
    assert len(desk.tickets.kept) == kept
    assert await may_sign_in(desk)


async def test_without_shared_state_there_is_no_account(desk: Desk) -> None:
    desk.tickets.faults.always = Fault.FAILS
    with pytest.raises(Unavailable):
        await desk.immediate.sign_up(ADA, PASSWORD, None, BROWSER)
    assert await desk.book.find(ADA) is None


async def test_mail_that_can_not_be_kept_makes_no_sign_up_fail(desk: Desk) -> None:
    desk.mailer.faults.always = Fault.FAILS
    session, _ = await desk.immediate.sign_up(ADA, PASSWORD, None, BROWSER)
    desk.mailer.faults.always = None
    issued = await desk.email_change.start_own(session.account.id)
    who = await identity_of(desk, session)
    await desk.email_change.finish(who, issued.ticket, desk.newest_code(), BROWSER)
    assert await is_verified(desk, session)


async def test_a_code_from_within_the_session_keeps_everything(desk: Desk) -> None:
    session, ticket, code = await sign_up(desk)
    who = await identity_of(desk, session)
    device = await remember(desk, who.account_id, epoch=0)
    await desk.email_change.finish(who, ticket, code, BROWSER)
    assert await is_verified(desk, session)
    assert await is_alive(desk, session)
    assert await may_sign_in(desk)
    assert await desk.devices.recognise(who.account_id, device, epoch=0) is not None


async def test_a_sign_in_by_code_voids_all_that_was_there_before(desk: Desk) -> None:
    attackers, ticket, code = await sign_up(desk)
    attacker = await identity_of(desk, attackers)
    device = await remember(desk, attacker.account_id, epoch=0)
    sign_in = desk.code_sign_in
    issued = await sign_in.start(ADA)
    owners = await sign_in.finish(issued.ticket, desk.newest_code(), BROWSER)
    assert owners.account.email_verified
    assert await is_alive(desk, owners)
    assert not await is_alive(desk, attackers)
    assert not await may_sign_in(desk)
    assert await desk.devices.recognise(attacker.account_id, device, epoch=1) is None
    assert "password was removed" in desk.mailer.sent[-1].subject
    with pytest.raises(Gone):
        await desk.email_change.finish(attacker, ticket, code, BROWSER)
    with pytest.raises(Gone):
        await sign_in.finish(issued.ticket, desk.newest_code(), BROWSER)


async def test_only_the_first_proof_voids_anything(desk: Desk) -> None:
    session, ticket, code = await sign_up(desk)
    who = await identity_of(desk, session)
    await desk.email_change.finish(who, ticket, code, BROWSER)
    sign_in = desk.code_sign_in
    issued = await sign_in.start(ADA)
    await sign_in.finish(issued.ticket, desk.newest_code(), BROWSER)
    assert await is_alive(desk, session)
    assert await may_sign_in(desk)


@pytest.mark.parametrize("way", ["code", "token"])
async def test_a_reset_voids_all_that_was_there_before(desk: Desk, way: str) -> None:
    attackers, _, _ = await sign_up(desk)
    account_id = attackers.account.id
    device = await remember(desk, account_id, epoch=0)
    reset = the_reset(desk)
    issued = await reset.start(ADA)
    if way == "code":
        await reset.finish_with_code(issued.ticket, desk.newest_code(), NEW, BROWSER)
    else:
        match = re.search(r"#token=([\w-]{22})", desk.mailer.sent[-1].text)
        assert match
        await reset.finish_with_token(match[1], NEW, BROWSER)
    assert await is_verified(desk, attackers)
    assert not await is_alive(desk, attackers)
    assert (await may_sign_in(desk), await may_sign_in(desk, NEW)) == (False, True)
    assert await desk.devices.recognise(account_id, device, epoch=1) is None


async def test_a_report_voids_all_that_was_there_before(desk: Desk) -> None:
    attackers, _, _ = await sign_up(desk)
    token = await report_token(desk, await desk.book.record(attackers.account.id))
    await the_report(desk).stranger(token, BROWSER)
    assert await is_verified(desk, attackers)
    assert not await is_alive(desk, attackers)
    assert not await may_sign_in(desk)


async def test_a_notice_of_an_account_that_lost_its_address_does_nothing(desk: Desk) -> None:
    squatters, _, _ = await sign_up(desk)
    token = await report_token(desk, await desk.book.record(squatters.account.id))
    owners = await desk.registration.start(ADA, PASSWORD, "Ada")
    owner = await desk.registration.finish(owners.ticket, desk.newest_code(), BROWSER)
    with pytest.raises(Rejected, match="invalid_mailed_token"):
        await the_report(desk).stranger(token, BROWSER)
    assert await is_alive(desk, owner)
    assert await may_sign_in(desk)


async def test_the_end_of_a_pause_proves_nothing(desk: Desk) -> None:
    attackers, _, _ = await sign_up(desk)
    account = await desk.book.record(attackers.account.id)
    token = await desk.lock.tokens.issue(
        TokenPurpose.UNLOCK, account.id, epoch=0, lifetime=desk.keeping.lifetimes.access
    )
    await desk.lock.unlock(token)
    assert not await is_verified(desk, attackers)


async def test_an_unverified_address_is_told_nothing_and_can_not_be_brought_back(
    desk: Desk,
) -> None:
    session, _, _ = await sign_up(desk)
    who = await identity_of(desk, session)
    mailed = len(desk.mailer.to(ADA.entered))
    await change(desk, who, NEXT)
    assert len(desk.mailer.to(ADA.entered)) == mailed
    record = await desk.book.record(who.account_id)
    assert record.email_verified
    assert record.former_emails is None
    await desk.immediate.sign_up(ADA, NEW, None, BROWSER)


async def test_who_signs_up_with_anothers_address_keeps_it_from_nobody(desk: Desk) -> None:
    attackers, _, _ = await sign_up(desk)
    await desk.registration.start(NEXT, PASSWORD, None)
    issued = await desk.registration.start(NEXT, PASSWORD, None)
    owner = await desk.registration.finish(issued.ticket, desk.newest_code(), BROWSER)
    who: Identity = await identity_of(desk, owner)
    await change(desk, who, ADA)
    assert (await desk.book.read(who.account_id)).email == ADA.entered
    assert not await is_alive(desk, attackers)
    assert (await desk.book.record(attackers.account.id)).password_hash is None


async def test_wrong_codes_are_refused_and_five_end_the_ticket(desk: Desk) -> None:
    session, ticket, code = await sign_up(desk)
    who = await identity_of(desk, session)
    for _ in range(5):
        with pytest.raises(Rejected, match="invalid_code"):
            await desk.email_change.finish(who, ticket, "0000-0000", BROWSER)
    with pytest.raises(Gone, match="ticket_expired"):
        await desk.email_change.finish(who, ticket, code, BROWSER)
    assert not await is_verified(desk, session)


async def test_a_ticket_of_one_account_is_good_for_no_other(desk: Desk) -> None:
    _, ticket, code = await sign_up(desk)
    other, _ = await desk.immediate.sign_up(parse_email("eve@e.org"), PASSWORD, None, BROWSER)
    stranger = await identity_of(desk, other)
    with pytest.raises(Gone, match="ticket_expired"):
        await desk.email_change.finish(stranger, ticket, code, BROWSER)
    assert not await is_verified(desk, other)
