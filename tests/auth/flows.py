"""What people do, as a client sends it, and what they were promised of it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chronicle.auth.sessions import SignedIn
from chronicle.auth.sign_out import SignOut
from chronicle.auth.tokens import Identity
from chronicle.errors import Unauthenticated
from chronicle.security.known_devices import Presented
from chronicle.security.mailed_tokens import TokenPurpose
from chronicle.users.emails import parse_email
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk, remember
from tests.auth.test_credentials import credentials
from tests.auth.test_mailed_links import the_report, the_reset

NEW = "another fifteen characters"
NEXT = parse_email("ada@new.example")


@dataclass(frozen=True)
class Flow:
    """`prepare` is done once; `send` is sent until it is answered; then `promised` holds.

    `done_before` are the codes by which a client that sends it again is told that it was done, and
    `broken_off` those for one that was not answered at all, because it hung up.
    """

    prepare: Callable[[Desk], Awaitable[Any]]
    send: Callable[[Desk, Any], Awaitable[Any]]
    promised: Callable[[Desk, Any], Awaitable[None]]
    done_before: tuple[str, ...] = ()
    broken_off: tuple[str, ...] = ()


async def signs_in(desk: Desk, password: str, email: str = ADA.entered) -> bool:
    try:
        await desk.sign_in.with_password(parse_email(email), password, BROWSER)
    except Unauthenticated:
        return False
    return True


async def identity(desk: Desk, session: SignedIn) -> Identity:
    return (await desk.keeping.identify(session.access_token))[0]


def mailed_token(desk: Desk, page: str) -> str:
    found = (re.search(rf"/{page}#token=([\w-]{{22}})", mail.text) for mail in desk.mailer.sent)
    return [match[1] for match in found if match][-1]


async def the_account_is_theirs(desk: Desk, _: Any) -> None:
    assert len(desk.engine.accounts) == 1
    assert await signs_in(desk, PASSWORD)


async def sign_up(desk: Desk) -> SignedIn:
    return await desk.sign_up()


async def begin_sign_up(desk: Desk) -> tuple[str, str]:
    issued = await desk.registration.start(ADA, PASSWORD, "Ada")
    return issued.ticket, desk.newest_code()


async def finish_sign_up(desk: Desk, sign_up: tuple[str, str]) -> SignedIn:
    return await desk.registration.finish(*sign_up, BROWSER)


async def nothing(desk: Desk) -> None:
    assert not desk.engine.accounts


async def sign_up_at_once(desk: Desk, _: None) -> SignedIn:
    return (await desk.immediate.sign_up(ADA, PASSWORD, "Ada", BROWSER))[0]


async def sign_in(desk: Desk, _: SignedIn) -> SignedIn:
    keeps = Presented(keeps=True)
    return await desk.sign_in.with_password(ADA, PASSWORD, BROWSER, device=keeps)


async def ask_for_code(desk: Desk) -> tuple[str, str]:
    await desk.sign_up()
    issued = await desk.code_sign_in.start(ADA)
    return issued.ticket, desk.newest_code()


async def sign_in_by_code(desk: Desk, asked: tuple[str, str]) -> SignedIn:
    return await desk.code_sign_in.finish(*asked, BROWSER)


async def refresh(desk: Desk, session: SignedIn) -> SignedIn:
    return await desk.keeping.rotate(session.refresh_token, BROWSER)


async def it_was_rotated_once(desk: Desk, session: SignedIn) -> None:
    stored = desk.engine.sessions[session.session_id]
    assert (stored.generation, stored.ended_at) == (1, None)


async def sign_in_elsewhere(desk: Desk) -> tuple[SignedIn, Identity]:
    other = await desk.sign_up()
    return other, await identity(desk, await sign_in(desk, other))


async def end_the_others(desk: Desk, who: tuple[SignedIn, Identity]) -> None:
    await SignOut(desk.book, desk.keeping, desk.devices).elsewhere(who[1])


async def the_others_have_ended(desk: Desk, who: tuple[SignedIn, Identity]) -> None:
    live = (await desk.keeping.page(who[1].account_id, cursor=None, limit=100)).sessions
    assert who[0].session_id not in [session.id for session in live]


async def lock_and_ask_for_reset(desk: Desk) -> str:
    await lock_it(desk)
    await the_reset(desk).start(ADA)
    return mailed_token(desk, "reset")


async def reset(desk: Desk, token: str) -> None:
    await the_reset(desk).finish_with_token(token, NEW, BROWSER)


async def ask_for_reset_code(desk: Desk) -> tuple[str, str]:
    await lock_it(desk)
    issued = await the_reset(desk).start(ADA)
    return issued.ticket, desk.newest_code()


async def reset_by_code(desk: Desk, asked: tuple[str, str]) -> None:
    await the_reset(desk).finish_with_code(*asked, NEW, BROWSER)


async def the_password_is_new(desk: Desk, _: Any) -> None:
    assert await signs_in(desk, NEW)
    assert not await signs_in(desk, PASSWORD)


async def sign_up_and_identify(desk: Desk) -> Identity:
    return await identity(desk, await desk.sign_up())


async def change_password(desk: Desk, who: Identity) -> None:
    await credentials(desk).change_password(who, PASSWORD, NEW, BROWSER)


async def lock_it(desk: Desk) -> str:
    await desk.sign_up()
    for _ in range(5):
        assert not await signs_in(desk, "five wrong ones in a row")
    return mailed_token(desk, "unlock")


async def unlock(desk: Desk, token: str) -> None:
    await desk.lock.unlock(token)


async def be_told_of_a_stranger(desk: Desk) -> str:
    session = await desk.sign_up()
    await remember(desk, session.account.id, epoch=0)
    return await desk.lock.tokens.issue(
        TokenPurpose.REPORT, session.account.id, epoch=0, lifetime=timedelta(hours=72)
    )


async def report(desk: Desk, token: str) -> None:
    await the_report(desk).stranger(token, BROWSER)


async def be_told_of_a_strangers_address(desk: Desk) -> str:
    token = await be_told_of_a_stranger(desk)
    (account,) = desk.engine.accounts.values()
    await desk.addresses.change(account, NEXT, how="otp")
    return token


async def nobody_has_it_but_the_mailbox(desk: Desk, _: Any) -> None:
    (account,) = desk.engine.accounts.values()
    assert desk.book.in_the_clear(account).email == ADA.entered
    assert account.password_hash is None
    assert not (await desk.keeping.page(account.id, cursor=None, limit=100)).sessions
    assert not await desk.devices.listed(account.id, epoch=account.epoch)


async def ask_for_an_address(desk: Desk) -> tuple[Identity, str, str]:
    who = await sign_up_and_identify(desk)
    issued = await desk.email_change.start_change(who.account_id, NEXT)
    return who, issued.ticket, desk.newest_code()


async def change_address(desk: Desk, asked: tuple[Identity, str, str]) -> None:
    await desk.email_change.finish(*asked, BROWSER)


async def the_address_is_new(desk: Desk, _: Any) -> None:
    assert await signs_in(desk, PASSWORD, NEXT.entered)
    assert not await signs_in(desk, PASSWORD, ADA.entered)


async def lose_the_address(desk: Desk) -> str:
    await change_address(desk, await ask_for_an_address(desk))
    return mailed_token(desk, "undo")


async def undo(desk: Desk, token: str) -> None:
    await desk.email_undo.undo(token, BROWSER)


async def sign_up_at_a_strangers_address(desk: Desk) -> tuple[str, str]:
    await desk.immediate.sign_up(ADA, PASSWORD, "Mallory", BROWSER)
    issued = await desk.code_sign_in.start(ADA)
    return issued.ticket, desk.newest_code()


async def the_mailbox_has_it(desk: Desk, _: Any) -> None:
    (account,) = desk.engine.accounts.values()
    assert (account.email_verified, account.password_hash) == (True, None)
    assert account.epoch == 1  # whatever was there before is void


async def sign_up_unconfirmed(desk: Desk) -> tuple[Identity, str, str]:
    session, issued = await desk.immediate.sign_up(ADA, PASSWORD, "Ada", BROWSER)
    return await identity(desk, session), issued.ticket, desk.newest_code()


async def it_is_confirmed(desk: Desk, asked: tuple[Identity, str, str]) -> None:
    (account,) = desk.engine.accounts.values()
    assert account.email_verified
    assert (await desk.keeping.page(account.id, cursor=None, limit=100)).sessions
    assert await signs_in(desk, PASSWORD)


# A ticket and a link are good once. Who is told that one was used has the account, the session or
# the password already, or asks for another.
USED = ("ticket_expired", "invalid_mailed_token")

FLOWS = {
    "sign up": Flow(begin_sign_up, finish_sign_up, the_account_is_theirs, USED),
    "sign up at once": Flow(nothing, sign_up_at_once, the_account_is_theirs, ("email_taken",)),
    "sign in": Flow(sign_up, sign_in, the_account_is_theirs),
    "sign in by code": Flow(ask_for_code, sign_in_by_code, the_account_is_theirs, USED),
    "refresh": Flow(sign_up, refresh, it_was_rotated_once),
    "sign out elsewhere": Flow(
        sign_in_elsewhere, end_the_others, the_others_have_ended, ("invalid_token",)
    ),
    "reset": Flow(
        lock_and_ask_for_reset, reset, the_password_is_new, broken_off=("invalid_reset_token",)
    ),
    "reset by code": Flow(
        ask_for_reset_code,
        reset_by_code,
        the_password_is_new,
        broken_off=(*USED, "invalid_reset_token"),
    ),
    "change the password": Flow(
        sign_up_and_identify,
        change_password,
        the_password_is_new,
        broken_off=("invalid_credentials",),
    ),
    "unlock": Flow(lock_it, unlock, the_account_is_theirs, USED),
    "report": Flow(be_told_of_a_stranger, report, nobody_has_it_but_the_mailbox, USED),
    "report a new address": Flow(
        be_told_of_a_strangers_address, report, nobody_has_it_but_the_mailbox, USED
    ),
    "change the address": Flow(
        ask_for_an_address, change_address, the_address_is_new, broken_off=USED
    ),
    "confirm the address": Flow(
        sign_up_unconfirmed, change_address, it_is_confirmed, broken_off=USED
    ),
    "take over by code": Flow(
        sign_up_at_a_strangers_address, sign_in_by_code, the_mailbox_has_it, USED
    ),
    "undo the change": Flow(lose_the_address, undo, nobody_has_it_but_the_mailbox, broken_off=USED),
}
