"""What every mail queue promises."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chronicle.auth.ports import MailQueue, WaitingMail
from tests.databases import OpenDatabase
from tests.fakes.world import FakeWorld

CLAIM = timedelta(minutes=1)


@pytest.fixture
def mails(database: OpenDatabase) -> MailQueue:
    return database.tables.mails


@pytest.fixture
def write(mails: MailQueue, world: FakeWorld) -> Callable[[], "asyncio.Future[WaitingMail]"]:
    async def add() -> WaitingMail:
        world.pass_time(milliseconds=2)
        mail = WaitingMail(world.world.new_id(), b"sealed \x00\xff", 0, world.time)
        await mails.add(mail)
        return mail

    return lambda: asyncio.ensure_future(add())


async def claim(mails: MailQueue, now: datetime, limit: int = 10) -> list[WaitingMail]:
    return list(await mails.claim(now=now, until=now + CLAIM, limit=limit))


Write = Callable[[], "asyncio.Future[WaitingMail]"]


async def test_a_mail_is_due_at_once_and_is_claimed_as_it_was_written(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    mail = await write()
    assert not await claim(mails, world.time - timedelta(microseconds=1))
    assert await claim(mails, world.time) == [replace(mail, attempts=1)]


async def test_those_due_longest_come_first_and_only_so_many(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    written = [(await write()).id for _ in range(5)]
    first = await claim(mails, world.time, limit=3)
    rest = await claim(mails, world.time, limit=3)
    assert [mail.id for mail in first] == written[:3]
    assert [mail.id for mail in rest] == written[3:]


async def test_of_racing_claims_one_gets_a_mail(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    for _ in range(4):
        await write()
    racing = await asyncio.gather(*(claim(mails, world.time, limit=2) for _ in range(16)))
    claimed = [mail.id for mails_of_one in racing for mail in mails_of_one]
    assert len(claimed) == len(set(claimed)) == 4


async def test_a_claim_runs_out_by_itself_and_counts_as_an_attempt(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    await write()
    (first,) = await claim(mails, world.time)
    world.time += CLAIM - timedelta(microseconds=1)
    assert not await claim(mails, world.time)
    world.time += timedelta(microseconds=1)
    (second,) = await claim(mails, world.time)
    assert second == replace(first, attempts=2)


async def test_a_mail_that_was_sent_never_comes_back(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    await write()
    (mail,) = await claim(mails, world.time)
    assert await mails.mark_sent(mail, now=world.time)
    assert not await mails.mark_sent(mail, now=world.time)
    assert not await mails.put_off(mail, reason="late", until=world.time)
    assert not await mails.give_up(mail, reason="late", now=world.time)
    world.pass_time(days=30)
    assert not await claim(mails, world.time)


async def test_a_mail_that_was_put_off_is_due_again_at_its_time(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    await write()
    (mail,) = await claim(mails, world.time)
    until = world.time + timedelta(hours=1)
    assert await mails.put_off(mail, reason="down", until=until)
    assert not await claim(mails, until - timedelta(microseconds=1))
    assert await claim(mails, until) == [replace(mail, attempts=2)]


async def test_a_mail_that_was_given_up_never_comes_back(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    await write()
    (mail,) = await claim(mails, world.time)
    assert await mails.give_up(mail, reason="no such mailbox", now=world.time)
    assert not await mails.mark_sent(mail, now=world.time)
    world.pass_time(days=30)
    assert not await claim(mails, world.time)


async def test_whose_claim_ran_out_may_not_finish_the_mail_of_the_next(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    await write()
    (stale,) = await claim(mails, world.time)
    world.time += CLAIM
    (current,) = await claim(mails, world.time)
    assert not await mails.mark_sent(stale, now=world.time)
    assert not await mails.put_off(stale, reason="down", until=world.time)
    assert not await mails.give_up(stale, reason="never", now=world.time)
    assert await mails.mark_sent(current, now=world.time)


async def test_who_comes_late_may_finish_it_while_nobody_else_holds_it(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    await write()
    (mail,) = await claim(mails, world.time)
    world.time += 2 * CLAIM
    assert await mails.mark_sent(mail, now=world.time)
    assert not await claim(mails, world.time)


async def test_only_what_is_done_is_forgotten_and_only_when_it_is_old(
    mails: MailQueue, world: FakeWorld, write: Write
) -> None:
    for _ in range(3):
        await write()
    sent, given_up, waiting = await claim(mails, world.time)
    await mails.mark_sent(sent, now=world.time)
    await mails.give_up(given_up, reason="never", now=world.time)
    assert await mails.forget_done(before=world.time) == 0
    world.pass_time(days=1)
    assert await mails.forget_done(before=world.time) == 2
    assert [mail.id for mail in await claim(mails, world.time)] == [waiting.id]


async def test_the_content_of_a_mail_goes_when_it_is_done(
    database: OpenDatabase, world: FakeWorld
) -> None:
    mails = database.tables.mails
    for number in range(3):
        await mails.add(WaitingMail(bytes([number]) * 16, b"sealed", 0, world.time))
    sent, given_up, put_off = await claim(mails, world.time)
    await mails.mark_sent(sent, now=world.time)
    await mails.give_up(given_up, reason="no such mailbox", now=world.time)
    await mails.put_off(put_off, reason="down", until=world.time)
    assert await stored_mails(database) == [
        ("sent", None, None),
        ("failed", None, "no such mailbox"),
        ("waiting", b"sealed", "down"),
    ]


async def stored_mails(database: OpenDatabase) -> list[tuple[object, ...]]:
    """Each mail's state, content and reason as they lie in the database, in order of their ids."""
    if database.kind == "memory":
        kept = [row for _, row in sorted(database.engine.mails.items())]
        return [(row.state, row.mail.content or None, row.reason) for row in kept]
    if database.kind == "sqlite":
        rows: list[tuple[object, ...]] = database.engine.all(
            "SELECT state, sealed_content, reason FROM mails ORDER BY id", ()
        )
        return rows
    found = await database.engine.database["mails"].find({}).sort("_id", 1).to_list()
    return [(one["state"], one.get("sealed_content"), one.get("reason")) for one in found]
