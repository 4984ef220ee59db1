import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from chronicle.auth.mail_delivery import (
    GIVEN_UP_AFTER,
    MailDelivery,
    QueuedMailer,
    SealedMails,
)
from chronicle.auth.ports import Mail, MailDelayed, MailerMisconfigured, MailRefused
from chronicle.errors import Unavailable
from chronicle.security.encryption import FieldCipher
from tests.fakes.database.mails import InMemoryMails
from tests.fakes.database.rows import MailRow, MemoryDatabase
from tests.fakes.faults import Fault
from tests.fakes.mail import ScriptedTransport
from tests.fakes.world import FakeWorld, keyring

ATTEMPT_SECONDS = 30
CODE = Mail("ada@example.org", "7K3M-Q9TD is your code", "7K3M-Q9TD", "<p>7K3M-Q9TD</p>")
VOID = Mail("ada@example.org", "a", "b", "c", void=True)


@dataclass
class Post:
    """A queue, a transport, and what stands between them."""

    world: FakeWorld
    queue: InMemoryMails
    transport: ScriptedTransport
    mailer: QueuedMailer
    delivery: MailDelivery

    def row(self) -> MailRow:
        (row,) = self.queue.rows.values()
        return row

    async def attempt_when_due(self) -> None:
        self.world.time = max(self.world.time, self.row().due_at)
        assert await self.delivery.send_due()


def start_anew(post: Post, transport: ScriptedTransport, label: str = "test") -> MailDelivery:
    """What a process does that starts after another was killed."""
    sealed = SealedMails(FieldCipher(keyring(label)), post.world.world)
    return MailDelivery(
        post.queue, transport, sealed, attempt_seconds=ATTEMPT_SECONDS, world=post.world.world
    )


@pytest.fixture
def post() -> Post:
    world, queue, transport = FakeWorld(), InMemoryMails(MemoryDatabase()), ScriptedTransport()
    sealed = SealedMails(FieldCipher(keyring()), world.world)
    delivery = MailDelivery(
        queue, transport, sealed, attempt_seconds=ATTEMPT_SECONDS, world=world.world
    )
    return Post(world, queue, transport, QueuedMailer(queue, sealed, delivery.wake), delivery)


async def test_a_mail_is_a_sealed_row_before_it_is_anything_else(post: Post) -> None:
    await post.mailer.send(CODE)
    assert post.transport.attempts == []
    content = post.row().mail.content
    assert b"ada@example" not in content
    assert b"7K3M" not in content


async def test_a_mail_leaves_once_and_as_it_was(post: Post) -> None:
    await post.mailer.send(CODE)
    while await post.delivery.send_due():
        pass
    assert [mail for _, mail in post.transport.delivered] == [CODE]
    assert post.row().state == "sent"
    post.world.pass_time(days=30)
    assert not await post.delivery.send_due()


async def test_a_mail_that_was_not_kept_is_said_to_be_not_sent(post: Post) -> None:
    post.queue.faults.always = Fault.FAILS
    with pytest.raises(Unavailable):
        await post.mailer.send(CODE)


async def test_a_void_mail_goes_the_same_way_and_reaches_nobody(post: Post) -> None:
    await post.mailer.send(VOID)
    assert await post.delivery.send_due()
    assert post.transport.attempts == []
    assert post.row().state == "sent"


async def test_a_transport_that_is_down_loses_nothing_and_the_mail_arrives_once(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.transport.down = MailDelayed("down")
    await post.mailer.send(CODE)
    for _ in range(5):
        await post.attempt_when_due()
    assert (post.row().state, post.row().reason) == ("waiting", "down")
    post.transport.down = None
    await post.attempt_when_due()
    assert not await post.delivery.send_due()
    assert [mail for _, mail in post.transport.delivered] == [CODE]
    assert len(set(post.transport.attempts)) == 1
    assert "ada@" not in caplog.text


async def test_the_waits_double_up_to_an_hour_and_no_two_are_alike(post: Post) -> None:
    post.transport.down = MailDelayed("down")
    await post.mailer.send(CODE)
    waits = []
    for _ in range(16):
        await post.attempt_when_due()
        waits.append((post.row().due_at - post.world.time).total_seconds())
    for number, wait in enumerate(waits):
        middle = min(2 * 2**number, 3600)
        assert 0.5 * middle <= wait < 1.5 * middle
    assert len(set(waits)) == len(waits)


async def test_after_three_days_a_mail_is_given_up_and_the_log_says_so(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.transport.down = MailDelayed("down")
    await post.mailer.send(CODE)
    written_at = post.world.time
    while post.row().state == "waiting":
        await post.attempt_when_due()
    assert post.row().state == "failed"
    assert GIVEN_UP_AFTER <= post.world.time - written_at < GIVEN_UP_AFTER + timedelta(hours=2)
    (line,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert line.getMessage() == "a mail was given up"
    assert vars(line)["reason"] == "down"


async def test_a_mail_that_will_never_be_taken_is_given_up_at_once(post: Post) -> None:
    post.transport.down = MailRefused("550 5.1.1")
    await post.mailer.send(CODE)
    assert await post.delivery.send_due()
    assert (post.row().state, post.row().reason) == ("failed", "550 5.1.1")
    assert len(post.transport.attempts) == 1


async def test_wrong_settings_keep_the_mail_and_alarm_the_operator(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.transport.down = MailerMisconfigured("the key is wrong")
    await post.mailer.send(CODE)
    assert await post.delivery.send_due()
    assert post.row().state == "waiting"
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


async def test_who_is_asked_to_wait_leaves_every_mail_alone_until_then(post: Post) -> None:
    post.transport.failures.append(MailDelayed("too many", pause=timedelta(minutes=5)))
    await post.mailer.send(CODE)
    assert await post.delivery.send_due()
    await post.mailer.send(CODE)
    post.world.pass_time(minutes=4, seconds=59)
    assert not await post.delivery.send_due()
    post.world.pass_time(seconds=1)
    assert await post.delivery.send_due()
    assert len(post.transport.delivered) == 2


async def test_nobody_can_ask_for_more_than_an_hour(post: Post) -> None:
    post.transport.failures.append(MailDelayed("too many", pause=timedelta(days=999)))
    await post.mailer.send(CODE)
    assert await post.delivery.send_due()
    post.world.pass_time(hours=1)
    assert await post.delivery.send_due()


@pytest.mark.parametrize("taken", [True, False])
async def test_a_process_that_dies_in_the_middle_leaves_the_mail_to_the_next(
    post: Post, taken: bool
) -> None:
    """Killed after the provider took it, or before: under one key, so that it can tell."""
    await post.mailer.send(CODE)
    if taken:
        post.transport.taken_then_lost = asyncio.CancelledError()
    else:
        post.transport.down = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await post.delivery.send_due()
    provider = ScriptedTransport()
    successor = start_anew(post, provider)
    assert not await successor.send_due()
    post.world.pass_time(seconds=2 * ATTEMPT_SECONDS)
    assert await successor.send_due()
    assert not await successor.send_due()
    assert [mail for _, mail in provider.delivered] == [CODE]
    assert provider.attempts == post.transport.attempts
    assert provider.attempts == [UUID(bytes=post.row().mail.id)]


async def test_a_database_that_fails_after_it_stored_sends_no_second_mail(post: Post) -> None:
    await post.mailer.send(CODE)
    post.queue.faults.named["mails.mark_sent"] = Fault.FAILS_AFTER_IT_PERSISTED
    with pytest.raises(Unavailable):
        await post.delivery.send_due()
    post.queue.faults.named.clear()
    post.world.pass_time(days=1)
    assert not await post.delivery.send_due()
    assert len(post.transport.delivered) == 1


async def test_a_database_that_is_down_after_the_delivery_repeats_it_under_the_same_key(
    post: Post,
) -> None:
    await post.mailer.send(CODE)
    post.transport.holds = asyncio.Event()
    attempt = asyncio.ensure_future(post.delivery.send_due())
    await post.transport.tried.wait()
    post.queue.faults.always = Fault.FAILS
    post.transport.holds.set()
    with pytest.raises(Unavailable):
        await attempt
    post.queue.faults.always = None
    post.world.pass_time(seconds=2 * ATTEMPT_SECONDS)
    assert await post.delivery.send_due()
    assert len(post.transport.attempts) == 2
    assert len(set(post.transport.attempts)) == 1


async def test_one_mail_that_breaks_the_transport_holds_up_no_other(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.transport.failures.append(ZeroDivisionError())
    for _ in range(3):
        await post.mailer.send(CODE)
    assert await post.delivery.send_due()
    assert sorted(row.state for row in post.queue.rows.values()) == ["sent", "sent", "waiting"]
    assert "ZeroDivisionError" in caplog.text


async def test_a_row_whose_key_is_gone_is_given_up_and_not_sent(post: Post) -> None:
    await post.mailer.send(CODE)
    other_keys = start_anew(post, post.transport, label="other")
    assert await other_keys.send_due()
    assert post.row().state == "failed"
    assert post.transport.attempts == []


async def test_a_row_that_was_moved_to_another_does_not_open(post: Post) -> None:
    await post.mailer.send(CODE)
    await post.mailer.send(VOID)
    one, other = post.queue.rows.values()
    one.mail, other.mail = (
        type(one.mail)(one.mail.id, other.mail.content, 0, one.mail.created_at),
        type(one.mail)(other.mail.id, one.mail.content, 0, other.mail.created_at),
    )
    assert await post.delivery.send_due()
    assert [row.state for row in post.queue.rows.values()] == ["failed", "failed"]
    assert post.transport.attempts == []


@pytest.fixture
async def running(post: Post) -> Callable[[], "asyncio.Task[None]"]:
    return lambda: asyncio.ensure_future(post.delivery.run())


async def test_a_running_delivery_is_woken_by_a_mail_and_settles(
    post: Post, running: Callable[[], "asyncio.Task[None]"]
) -> None:
    task = running()
    await post.delivery.settle()
    for count in range(1, 4):
        await post.mailer.send(CODE)
        await post.delivery.settle()
        assert len(post.transport.delivered) == count
    await post.delivery.stop()
    await task


async def test_a_running_delivery_outlives_a_database_that_was_down(
    post: Post, running: Callable[[], "asyncio.Task[None]"]
) -> None:
    await post.mailer.send(CODE)
    post.queue.faults.always = Fault.FAILS
    task = running()
    await post.queue.faults.struck.wait()
    post.queue.faults.always = None
    post.delivery.wake()
    await post.delivery.settle()
    assert len(post.transport.delivered) == 1
    await post.delivery.stop()
    await task


async def test_stopping_lets_the_mail_in_hand_end_and_takes_no_other(
    post: Post, running: Callable[[], "asyncio.Task[None]"]
) -> None:
    post.transport.holds = asyncio.Event()
    await post.mailer.send(CODE)
    task = running()
    await post.transport.tried.wait()
    await post.mailer.send(VOID)
    stopping = asyncio.ensure_future(post.delivery.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    post.transport.holds.set()
    await stopping
    assert task.done()
    assert sorted(row.state for row in post.queue.rows.values()) == ["sent", "waiting"]


async def test_what_is_done_is_forgotten_after_its_days(post: Post) -> None:
    await post.mailer.send(CODE)
    await post.delivery.send_due()
    assert await post.delivery.forget_done(timedelta(days=30)) == 0
    post.world.pass_time(days=30, seconds=1)
    assert await post.delivery.forget_done(timedelta(days=30)) == 1
