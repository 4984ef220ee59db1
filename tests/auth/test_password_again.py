"""Guesses at the password by somebody who holds a session."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from chronicle.auth.sessions import SignedIn
from chronicle.errors import TooMany, Unauthenticated, Unavailable
from chronicle.security.events import EventKind, EventLog, Happening
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk
from tests.fakes.faults import Fault


class UnreliableEvents(EventLog):
    """Can't note anything."""

    async def note(self, happening: Happening) -> None:
        raise Unavailable


async def outcome(attempt: Awaitable[object]) -> str:
    try:
        await attempt
    except (Unauthenticated, TooMany) as failure:
        return failure.code
    return "right"


async def again(desk: Desk, session: SignedIn, password: str = "wrong") -> str:
    identity, _ = await desk.keeping.identify(session.access_token)
    account = await desk.book.record(identity.account_id)
    return await outcome(
        desk.again.demand(identity, account, password, BROWSER, before=EventKind.SIGN_IN)
    )


async def sign_in(desk: Desk) -> SignedIn:
    return await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)


async def is_alive(desk: Desk, session: SignedIn) -> bool:
    try:
        await desk.keeping.identify(session.access_token)
    except Unauthenticated:
        return False
    return True


async def test_the_fifth_wrong_password_ends_the_session_and_tells_the_owner(desk: Desk) -> None:
    session, other = await desk.sign_up(), await sign_in(desk)
    mailed = len(desk.mailer.sent)
    for _ in range(5):
        assert await is_alive(desk, session)
        assert await again(desk, session) == "invalid_credentials"
    assert not await is_alive(desk, session)
    assert await is_alive(desk, other)
    (mail,) = desk.mailer.sent[mailed:]
    assert mail.to == ADA.entered
    assert "/report#token=" in mail.text
    assert "192.0.2.7" in mail.text


async def test_the_session_that_guessed_ends_also_where_nothing_can_be_noted(desk: Desk) -> None:
    session = await desk.sign_up()
    identity, _ = await desk.keeping.identify(session.access_token)
    account = await desk.book.record(identity.account_id)
    for _ in range(4):
        await again(desk, session)
    fields = {name: getattr(desk.events, name) for name in EventLog.__dataclass_fields__}
    unnoted = replace(desk.again, events=UnreliableEvents(**fields))
    with pytest.raises(Unavailable):
        await unnoted.demand(identity, account, "wrong", BROWSER, before=EventKind.SIGN_IN)
    assert not await is_alive(desk, session)


async def test_a_thief_of_a_session_locks_nobody_out_of_signing_in(desk: Desk) -> None:
    session = await desk.sign_up()
    for _ in range(5):
        await again(desk, session)
    mine = await sign_in(desk)
    assert await again(desk, mine, PASSWORD) == "too_many_attempts", "signing in lifted the lock"
    desk.world.pass_time(minutes=1)
    assert await again(desk, mine, PASSWORD) == "right"


async def test_the_lock_of_an_account_grows_over_however_many_sessions(desk: Desk) -> None:
    await desk.sign_up()
    for minutes in (1, 5, 15, 60, 60):
        session = await sign_in(desk)
        assert [await again(desk, session) for _ in range(5)] == ["invalid_credentials"] * 5
        session = await sign_in(desk)
        desk.world.pass_time(minutes=minutes, microseconds=-1)
        session = await desk.keeping.rotate(session.refresh_token, BROWSER)
        assert await again(desk, session, PASSWORD) == "too_many_attempts"
        desk.world.pass_time(microseconds=1)
    assert sum("guessed" in mail.subject for mail in desk.mailer.sent) == 4


async def test_a_right_password_begins_the_count_anew(desk: Desk) -> None:
    session = await desk.sign_up()
    for _ in range(3):
        assert [await again(desk, session) for _ in range(4)] == ["invalid_credentials"] * 4
        assert await again(desk, session, PASSWORD) == "right"


async def test_of_32_racing_guesses_five_are_answered(desk: Desk) -> None:
    session = await desk.sign_up()
    identity, _ = await desk.keeping.identify(session.access_token)
    account = await desk.book.record(identity.account_id)

    async def guess() -> str:
        return await outcome(
            desk.again.demand(identity, account, "wrong", BROWSER, before=EventKind.SIGN_IN)
        )

    answers = await asyncio.gather(*(guess() for _ in range(32)))
    assert sorted(answers) == ["invalid_credentials"] * 5 + ["too_many_attempts"] * 27
    assert not await is_alive(desk, session)


async def test_a_guess_that_could_not_be_checked_does_not_count(desk: Desk) -> None:
    session = await desk.sign_up()
    desk.hashing.full = True
    for _ in range(6):
        with pytest.raises(Unavailable):
            await again(desk, session, PASSWORD)
    desk.hashing.full = False
    assert await again(desk, session, PASSWORD) == "right"


async def test_mail_that_can_not_be_kept_saves_no_session(desk: Desk) -> None:
    session = await desk.sign_up()
    desk.mailer.faults.always = Fault.FAILS
    for _ in range(5):
        assert await again(desk, session) == "invalid_credentials"
    assert not await is_alive(desk, session)
