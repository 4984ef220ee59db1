"""Every mail to somebody with an account is written in the account's language."""

from collections.abc import Awaitable, Callable, Iterator

import pytest

from chronicle.auth.mail_templates import language
from chronicle.auth.reauthentication import Reauthentication
from chronicle.errors import Unauthenticated
from chronicle.security.events import EventKind
from chronicle.users.accounts import AccountBook, NewAccount, ProfileChange
from chronicle.users.ports import AccountId, AccountRecord
from tests.auth import flows
from tests.auth.conftest import BASE_URL, BROWSER, PASSWORD, Desk, furnish
from tests.auth.test_new_device import PHONE
from tests.fakes.auth import InMemoryTickets, KeptMailer
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.tables import memory_tables
from tests.fakes.faults import Faults

GERMAN = language("de").mails
# At a sign-up there is no account yet whose language could be known.
TO_STRANGERS = {"registration_code"}


@pytest.fixture
def in_german(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk at which everybody who signs up has chosen German at once."""
    opened = AccountBook.open
    unchanged = frozenset({"name", "timezone"})

    async def open_in_german(book: AccountBook, new: NewAccount) -> AccountRecord:
        await opened(book, new)
        await book.edit(new.id, ProfileChange(None, "de", None, unchanged))
        return await book.record(new.id)

    monkeypatch.setattr(AccountBook, "open", open_in_german)
    database = MemoryDatabase()
    tables = memory_tables(database, Faults())
    desk = furnish(tables, InMemoryTickets(), KeptMailer(), database)
    yield desk
    desk.hashing.close()


def flow(name: str) -> Callable[[Desk], Awaitable[object]]:
    async def go(desk: Desk) -> None:
        await flows.FLOWS[name].send(desk, await flows.FLOWS[name].prepare(desk))

    return go


async def sign_up_once_more(desk: Desk) -> None:
    await desk.sign_up()
    await desk.registration.start(flows.ADA, PASSWORD, "Ada")


async def sign_in_on_a_phone(desk: Desk) -> None:
    await desk.sign_up()
    await desk.sign_in.with_password(flows.ADA, PASSWORD, PHONE)


async def confirm_the_own_address(desk: Desk) -> None:
    who = await flows.sign_up_and_identify(desk)
    await desk.email_change.start_own(who.account_id)


async def want_somebody_elses_address(desk: Desk) -> None:
    who = await flows.sign_up_and_identify(desk)
    other = AccountId(desk.world.world.new_id())
    await desk.book.open(NewAccount(other, flows.NEXT, True, None, "hash"))
    await desk.email_change.start_change(who.account_id, flows.NEXT)


async def guess_while_signed_in(desk: Desk) -> None:
    who = await flows.sign_up_and_identify(desk)
    account = await desk.book.record(who.account_id)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await desk.again.demand(who, account, "wrong", BROWSER, before=EventKind.SIGN_IN)


async def ask_for_a_code_while_signed_in(desk: Desk) -> None:
    who = await flows.sign_up_and_identify(desk)
    again = Reauthentication(
        sign_in=desk.sign_in,
        again=desk.again,
        addresses=desk.addresses,
        codes=desk.registration.codes,
        refused=desk.email_change.refused,
        spent=desk.lock.tokens.tokens,
        mailer=desk.mailer,
        base_url=BASE_URL,
        world=desk.world.world,
    )
    await again.send_code(who)


async def replay_a_refresh_token(desk: Desk) -> None:
    first = await desk.sign_up()
    second = await desk.keeping.rotate(first.refresh_token, BROWSER)
    await desk.keeping.rotate(second.refresh_token, BROWSER)
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(first.refresh_token, BROWSER)


SENT_BY: list[tuple[str, Callable[[Desk], Awaitable[object]]]] = [
    ("account_locked", flows.lock_it),
    ("address_is_taken", sign_up_once_more),
    ("address_is_wanted", want_somebody_elses_address),
    ("address_proved", flow("take over by code")),
    ("email_changed", flow("change the address")),
    ("email_code", confirm_the_own_address),
    ("email_restored", flow("undo the change")),
    ("email_withdrawn", flow("undo the change")),
    ("email_withdrawn", flow("report a new address")),
    ("guesses_while_signed_in", guess_while_signed_in),
    ("new_device", sign_in_on_a_phone),
    ("new_email_code", flows.ask_for_an_address),
    ("password_changed", flow("change the password")),
    ("password_changed", flow("reset by code")),
    ("password_reset", flows.ask_for_reset_code),
    ("reauthentication_code", ask_for_a_code_while_signed_in),
    ("refresh_token_replayed", replay_a_refresh_token),
    ("sessions_ended_by_report", flow("report")),
    ("sign_in_code", flows.ask_for_code),
]


@pytest.mark.parametrize(("name", "send"), SENT_BY, ids=[name for name, _ in SENT_BY])
async def test_a_mail_is_written_in_the_language_of_the_account(
    in_german: Desk, name: str, send: Callable[[Desk], Awaitable[object]]
) -> None:
    await send(in_german)
    words = GERMAN[name][0].removeprefix("{code}")
    (mail,) = [mail for mail in in_german.mailer.sent if mail.subject.endswith(words)]
    assert '<html lang="de">' in mail.html


def test_of_every_mail_to_an_account_it_is_known_that_it_is() -> None:
    assert {name for name, _ in SENT_BY} == GERMAN.keys() - TO_STRANGERS
