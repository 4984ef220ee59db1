import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from chronicle.auth.ports import Granted
from chronicle.errors import Rejected, TooMany, Unauthenticated, Unavailable
from chronicle.security.guesses import PASSWORDS
from chronicle.security.known_devices import LIFETIME, NOTHING_PRESENTED, Presented
from chronicle.security.ports import GuessCount
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.emails import EmailAddress, parse_email
from chronicle.users.ports import AccountId, AccountRecord
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk, furnish, remember
from tests.fakes.auth import InMemoryTickets, KeptMailer
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.tables import memory_tables
from tests.fakes.faults import Fault, Faults

NOBODY = parse_email("nobody@example.org")
STRANGER = Visitor("203.0.113.9", "curl/8.0")


async def outcome(attempt: Awaitable[object]) -> str:
    try:
        await attempt
    except (Unauthenticated, TooMany) as failure:
        return failure.code
    return "granted"


async def guess(desk: Desk, email: EmailAddress = ADA, password: str = "wrong") -> str:
    return await outcome(desk.sign_in.with_password(email, password, STRANGER))


async def lock_out(desk: Desk, email: EmailAddress = ADA) -> None:
    assert [await guess(desk, email) for _ in range(5)] == ["invalid_credentials"] * 5


def mailed_token(desk: Desk) -> str:
    link = next(word for word in desk.mailer.sent[-1].text.split() if "/unlock#" in word)
    return urlsplit(link).fragment.removeprefix("token=").rstrip(".,)")


@pytest.mark.parametrize("email", [ADA, NOBODY], ids=["known", "unknown"])
async def test_every_five_failures_lock_for_longer_known_or_not(
    desk: Desk, email: EmailAddress
) -> None:
    await desk.sign_up()
    for minutes in (1, 5, 15, 60, 60, 60):
        await lock_out(desk, email)
        with pytest.raises(TooMany) as locked:
            await desk.sign_in.with_password(email, "wrong", STRANGER)
        assert locked.value.code == "too_many_attempts"
        assert locked.value.retry_after_seconds == 60 * minutes
        desk.world.pass_time(minutes=minutes, microseconds=-1)
        assert await guess(desk, email) == "too_many_attempts"
        desk.world.pass_time(microseconds=1)


async def test_while_it_is_locked_the_right_password_is_answered_like_a_wrong_one(
    desk: Desk,
) -> None:
    await desk.sign_up()
    await lock_out(desk)
    assert await guess(desk, password=PASSWORD) == "too_many_attempts"
    desk.world.pass_time(minutes=1)
    assert await guess(desk, password=PASSWORD) == "granted"


async def test_unknown_known_and_locked_cost_one_hash_and_one_event_each(desk: Desk) -> None:
    await desk.sign_up()
    work = []
    for email in (ADA, NOBODY):
        for _ in range(8):
            hashes, events = desk.hashing.computed, event_count(desk)
            await guess(desk, email)
            work.append((desk.hashing.computed - hashes, event_count(desk) - events))
    assert work == [(1, 1)] * 16


@dataclass
class Watched:
    """A desk whose steps are seen, and can be made to fail; `known` is a browser Ada uses."""

    desk: Desk
    database: MemoryDatabase
    faults: Faults
    known: Presented

    async def guess(
        self, email: EmailAddress, password: str, *, device: Presented = NOTHING_PRESENTED
    ) -> str:
        return await outcome(
            self.desk.sign_in.with_password(email, password, STRANGER, device=device)
        )

    async def steps_of(
        self, email: EmailAddress, password: str, *, device: Presented = NOTHING_PRESENTED
    ) -> tuple[str, list[str]]:
        """What a guess is answered, and the steps that it takes."""
        before = len(self.faults.steps)
        try:
            answer = await self.guess(email, password, device=device)
        except Unavailable:
            answer = "unavailable"
        return answer, self.faults.steps[before:]


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    database, faults = MemoryDatabase(), Faults()
    tables = memory_tables(database, faults)
    desk = furnish(tables, InMemoryTickets(), KeptMailer(), database)
    owner = (await desk.sign_up()).account.id
    token = desk.devices.genuine(await remember(desk, owner, epoch=0))
    yield Watched(desk, database, faults, Presented(token))
    desk.hashing.close()


async def test_locked_the_same_is_done_known_or_not_and_right_or_wrong(watched: Watched) -> None:
    await lock_out(watched.desk, ADA)
    await lock_out(watched.desk, NOBODY)
    done = [
        await watched.steps_of(email, password)
        for email, password in ((ADA, PASSWORD), (ADA, "wrong"), (NOBODY, "wrong"))
    ]
    assert done[0] == done[1] == done[2]
    assert done[0][0] == "too_many_attempts"


async def test_a_locked_device_learns_nothing_of_the_password(watched: Watched) -> None:
    for _ in range(5):
        assert await watched.guess(ADA, "wrong", device=watched.known) == "invalid_credentials"
    right = await watched.steps_of(ADA, PASSWORD, device=watched.known)
    assert right == await watched.steps_of(ADA, "wrong", device=watched.known)
    assert right[0] == "too_many_attempts"


async def test_a_locked_device_keeps_no_place_where_others_wait_for_hashes(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes | None] = []
    matches = watched.desk.hashing.matches

    async def note(password: str, stored: str | None, *, known_at: bytes | None = None) -> bool:
        asked.append(known_at)
        return await matches(password, stored)

    monkeypatch.setattr(watched.desk.hashing, "matches", note)
    monkeypatch.setattr(type(watched.desk.hashing), "is_busy", True)
    monkeypatch.setattr(watched.desk.hashing, "refuse_when_full", lambda **_: None)
    for _ in range(6):
        await watched.guess(ADA, "wrong", device=watched.known)
    owner = await watched.desk.book.find(ADA)
    assert owner is not None
    assert asked == [owner.id] * 5 + [None]


async def test_a_strangers_guess_is_counted_before_anything_depends_on_it(
    watched: Watched,
) -> None:
    counted = "guess_counts.count"
    right = (await watched.steps_of(ADA, PASSWORD))[1]
    wrong = (await watched.steps_of(ADA, "wrong"))[1]
    nobody = (await watched.steps_of(NOBODY, "wrong"))[1]
    same = right[: right.index(counted) + 1]
    assert same == wrong[: len(same)] == nobody[: len(same)]
    assert wrong == nobody


async def test_a_lock_that_begins_while_a_known_devices_password_is_stored_holds(
    watched: Watched,
) -> None:
    faults, sessions = watched.faults, len(watched.database.sessions)
    storing = faults.slow("grants.add")
    sign_in = asyncio.ensure_future(watched.guess(ADA, PASSWORD, device=watched.known))
    await storing.holds(sign_in)
    for _ in range(5):
        assert await watched.guess(ADA, "wrong", device=watched.known) == "invalid_credentials"
    storing.go_on.set()
    assert await sign_in == "too_many_attempts"
    assert len(watched.database.sessions) == sessions
    assert list(watched.database.events.values())[-1].reason == "locked"


async def test_while_nothing_can_be_stored_nobody_learns_what_a_guess_came_to(
    watched: Watched,
) -> None:
    watched.faults.named = dict.fromkeys(
        ("guess_counts.count", "grants.add", "events.add"), Fault.FAILS
    )
    done = [
        await watched.steps_of(email, password)
        for email, password in ((ADA, PASSWORD), (ADA, "wrong"), (NOBODY, "wrong"))
    ]
    assert done[0] == done[1] == done[2]
    assert done[0][0] == "unavailable"
    # The first of a known device finds out; those after it are like a stranger's.
    assert (await watched.steps_of(ADA, "wrong", device=watched.known))[0] == "unavailable"
    right = await watched.steps_of(ADA, PASSWORD, device=watched.known)
    assert right == await watched.steps_of(ADA, "wrong", device=watched.known)
    watched.faults.named = {}
    assert await watched.guess(ADA, PASSWORD, device=watched.known) == "granted"
    assert await watched.guess(ADA, PASSWORD) == "granted"
    assert not watched.database.guess_counts


@pytest.mark.parametrize("known", [True, False], ids=["known device", "stranger"])
async def test_after_a_right_guess_that_was_not_stored_nothing_counts(
    watched: Watched, known: bool
) -> None:
    device = watched.known if known else NOTHING_PRESENTED
    watched.faults.named = {"grants.add": Fault.FAILS}
    for _ in range(7):
        with pytest.raises(Unavailable):
            await watched.guess(ADA, PASSWORD, device=device)
    assert not watched.database.guess_counts
    watched.faults.named = {}
    assert await watched.guess(ADA, PASSWORD, device=device) == "granted"


async def test_a_lock_is_told_to_its_owner_also_when_the_event_can_not_be_stored(
    watched: Watched,
) -> None:
    watched.faults.named = {"events.add": Fault.FAILS}
    for _ in range(5):
        with pytest.raises(Unavailable):
            await watched.guess(ADA, "wrong")
    assert "/unlock#" in watched.desk.mailer.sent[-1].text


async def test_locking_an_unknown_address_writes_as_much_and_mails_nobody(desk: Desk) -> None:
    await desk.sign_up()
    before = len(desk.mailer.sent)
    await lock_out(desk, ADA)
    await lock_out(desk, NOBODY)
    told, void = desk.mailer.sent[before:]
    assert (told.to, told.void) == (ADA.entered, False)
    assert void.void
    assert desk.engine.one("SELECT count(*) FROM mailed_tokens WHERE purpose = 'unlock'", ()) == (
        2,
    )


async def test_of_32_racing_guesses_five_are_answered(desk: Desk) -> None:
    await desk.sign_up()
    answers: list[str] = []
    for _ in range(4):  # eight fit into the queue for hashes
        answers += await asyncio.gather(*(guess(desk) for _ in range(8)))
    assert sorted(answers) == ["invalid_credentials"] * 5 + ["too_many_attempts"] * 27


async def test_a_right_password_begins_the_count_anew(desk: Desk) -> None:
    await desk.sign_up()
    for _ in range(4):
        await guess(desk)
    assert await guess(desk, password=PASSWORD) == "granted"
    assert [await guess(desk) for _ in range(4)] == ["invalid_credentials"] * 4
    assert await guess(desk, password=PASSWORD) == "granted"


async def test_a_day_without_a_guess_begins_the_count_anew(desk: Desk) -> None:
    await lock_out(desk)
    desk.world.pass_time(hours=24)
    await lock_out(desk)
    with pytest.raises(TooMany) as locked:
        await desk.sign_in.with_password(ADA, "wrong", STRANGER)
    assert locked.value.retry_after_seconds == 60


async def test_a_thousand_failures_do_not_lock_out_a_known_device(desk: Desk) -> None:
    session = await desk.sign_up()
    token = await remember(desk, session.account.id, epoch=0)
    for _ in range(1000):
        await desk.lock.count(desk.lock.guess(ADA, None, None))
    assert await guess(desk, password=PASSWORD) == "too_many_attempts"
    granted = desk.sign_in.with_password(ADA, PASSWORD, BROWSER, device=Presented(token))
    assert await outcome(granted) == "granted"
    assert await guess(desk) == "too_many_attempts", "the owner's success helped the stranger"


async def test_a_known_device_has_guesses_of_its_own(desk: Desk) -> None:
    session = await desk.sign_up()
    token = await remember(desk, session.account.id, epoch=0)

    async def from_device(password: str) -> str:
        return await outcome(
            desk.sign_in.with_password(ADA, password, BROWSER, device=Presented(token))
        )

    mails = len(desk.mailer.sent)
    assert [await from_device("wrong") for _ in range(5)] == ["invalid_credentials"] * 5
    assert await from_device(PASSWORD) == "too_many_attempts"
    assert len(desk.mailer.sent) == mails
    assert await guess(desk, password=PASSWORD) == "granted"
    desk.world.pass_time(minutes=1)
    assert await from_device(PASSWORD) == "granted"


async def test_a_device_is_known_to_its_own_account_alone(desk: Desk) -> None:
    session = await desk.sign_up()
    token = await remember(desk, session.account.id, epoch=0)
    await lock_out(desk, NOBODY)
    elsewhere = desk.sign_in.with_password(NOBODY, "wrong", BROWSER, device=Presented(token))
    assert await outcome(elsewhere) == "too_many_attempts"
    for made_up in ("", "x", token + "x", "\u00e9" * 43, "\ud800"):
        await keep_locked(desk)
        attempt = desk.sign_in.with_password(
            ADA, PASSWORD, BROWSER, device=Presented(desk.devices.genuine(made_up))
        )
        assert await outcome(attempt) == "too_many_attempts"


async def keep_locked(desk: Desk) -> None:
    for _ in range(5):
        await guess(desk)


async def test_a_revoked_or_expired_device_is_no_longer_known(desk: Desk) -> None:
    account_id = (await desk.sign_up()).account.id

    async def sign_in(visitor: Visitor, token: str | None) -> str:
        shown = Presented(token, keeps=True)
        signed_in = await desk.sign_in.with_password(ADA, PASSWORD, visitor, device=shown)
        assert signed_in.device_token is not None
        return signed_in.device_token

    token = await sign_in(BROWSER, None)
    assert await sign_in(STRANGER, token) == token
    (device,) = await desk.devices.listed(account_id, epoch=0)
    assert device.visitor == STRANGER
    assert await desk.devices.revoke(account_id, device.id)
    assert await desk.devices.recognise(account_id, token, epoch=0) is None
    fresh = await sign_in(BROWSER, token)
    assert fresh != token
    desk.world.time += LIFETIME
    assert await desk.devices.recognise(account_id, fresh, epoch=0) is None


async def test_the_mailed_link_ends_the_lock_once(desk: Desk) -> None:
    await desk.sign_up()
    await lock_out(desk)
    token = mailed_token(desk)
    await desk.lock.unlock(token)
    assert await guess(desk, password=PASSWORD) == "granted"
    await lock_out(desk)
    with pytest.raises(Rejected) as refused:
        await desk.lock.unlock(token)
    assert refused.value.code == "invalid_mailed_token"
    desk.world.pass_time(hours=24)
    with pytest.raises(Rejected):
        await desk.lock.unlock(mailed_token(desk))


class UnreliableBook(AccountBook):
    """Fails while the database does."""

    async def record(self, account_id: AccountId) -> AccountRecord:
        raise Unavailable


async def test_a_lock_that_could_not_be_lifted_leaves_its_link_good(desk: Desk) -> None:
    await desk.sign_up()
    await lock_out(desk)
    token = mailed_token(desk)
    book = desk.lock.book
    unreliable = UnreliableBook(book.accounts, book.cipher, book.index, book.world)
    with pytest.raises(Unavailable):
        await replace(desk.lock, book=unreliable).unlock(token)
    assert await guess(desk, password=PASSWORD) == "too_many_attempts"
    await desk.lock.unlock(token)
    assert await guess(desk, password=PASSWORD) == "granted"
    with pytest.raises(Rejected):
        await desk.lock.unlock(token)


async def test_who_guesses_for_days_does_not_fill_the_mailbox(desk: Desk) -> None:
    await desk.sign_up()
    before = len(desk.mailer.sent)
    for _ in range(10):
        await lock_out(desk)
        desk.world.pass_time(minutes=60)
    assert len(desk.mailer.sent) - before == 4


async def test_mail_that_can_not_be_kept_changes_no_answer(desk: Desk) -> None:
    await desk.sign_up()
    desk.mailer.faults.always = Fault.FAILS
    await lock_out(desk)
    assert await guess(desk) == "too_many_attempts"


async def test_a_guess_that_could_not_be_checked_does_not_count(desk: Desk) -> None:
    await desk.sign_up()
    for _ in range(4):
        await guess(desk)
    desk.hashing.full = True
    for _ in range(10):
        with pytest.raises(Unavailable):
            await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    desk.hashing.full = False
    assert await guess(desk, password=PASSWORD) == "granted"


class NothingIsStored:
    """What a database gives that takes no sign-in."""

    async def add(self, granted: Granted) -> GuessCount | None:
        raise Unavailable


async def test_a_right_password_does_not_count_when_the_sign_in_can_not_be_stored(
    desk: Desk,
) -> None:
    await desk.sign_up()
    for _ in range(4):
        await guess(desk)
    during_the_outage = replace(desk.sign_in, grants=NothingIsStored())
    for _ in range(10):
        with pytest.raises(Unavailable):
            await during_the_outage.with_password(ADA, PASSWORD, BROWSER)
    assert await guess(desk) == "invalid_credentials", "there was one guess left"
    assert await guess(desk, password=PASSWORD) == "too_many_attempts"


async def test_a_new_code_brings_no_new_guesses_at_mailed_codes(desk: Desk) -> None:
    async def tickets_burnt() -> list[str]:
        issued = await desk.registration.start(ADA, PASSWORD, None)
        codes: list[str] = []
        for _ in range(5):
            try:
                await desk.registration.finish(issued.ticket, "0000-0000", BROWSER)
            except (Rejected, TooMany) as failure:
                codes.append(failure.code)
        return codes

    burnt = [await tickets_burnt() for _ in range(3)]
    assert burnt == [["invalid_code"] * 5, ["invalid_code"] * 5, ["too_many_attempts"] * 5]
    issued = await desk.registration.start(ADA, PASSWORD, None)
    with pytest.raises(TooMany) as refused:
        await desk.registration.finish(issued.ticket, desk.newest_code(), BROWSER)
    assert refused.value.retry_after_seconds == 15 * 60
    desk.world.pass_time(minutes=15)
    issued = await desk.registration.start(ADA, PASSWORD, None)
    await desk.registration.finish(issued.ticket, desk.newest_code(), BROWSER)


async def test_old_counts_and_devices_are_forgotten(desk: Desk) -> None:
    session = await desk.sign_up()
    await remember(desk, session.account.id, epoch=0)
    await guess(desk)
    assert (await desk.lock.forget_old(), await desk.devices.forget_old()) == (0, 0)
    desk.world.time += LIFETIME + timedelta(seconds=1)
    assert (await desk.lock.forget_old(), await desk.devices.forget_old()) == (1, 1)


def test_a_lock_is_over_before_its_count_is_forgotten() -> None:
    assert max(PASSWORDS.lengths) < PASSWORDS.forgotten_after


def event_count(desk: Desk) -> int:
    row = desk.engine.one("SELECT count(*) FROM events", ())
    assert row is not None
    count: int = row[0]
    return count
