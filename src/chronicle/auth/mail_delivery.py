"""A mail is a row first, and leaves from there: no request waits for whoever delivers mail.

    request: row, durable -> answer          worker: claim -> deliver -> mark as sent

A crash between delivering and marking hands the same mail over again once its claim ran out, under
the same key: mail leaves at least once, and mostly once.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from chronicle.auth.ports import (
    Mail,
    MailDelayed,
    MailerMisconfigured,
    MailQueue,
    MailRefused,
    MailTransport,
    MailTrouble,
    WaitingMail,
)
from chronicle.security.encryption import FieldCipher, SealBroken
from chronicle.world import World

_log = logging.getLogger(__name__)

GIVEN_UP_AFTER = timedelta(days=3)

_AT_ONCE = 8
_FIRST_WAIT_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 3600.0
_LOOK_SECONDS = 1.0
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SealedMails:
    """Mails as the queue keeps them: bound to their row, and closed to whoever reads the table."""

    cipher: FieldCipher
    world: World

    def seal(self, mail: Mail) -> WaitingMail:
        """A new row for a mail."""
        mail_id = self.world.new_id()
        content = self.cipher.seal(
            msgspec.msgpack.encode(mail), table="mails", record=mail_id, field="content"
        )
        return WaitingMail(mail_id, content, 0, self.world.now())

    def open(self, waiting: WaitingMail) -> Mail:
        """The mail of a row.

        Raises:
            SealBroken: its key is not at hand, or it was altered.
        """
        plain = self.cipher.open(waiting.content, table="mails", record=waiting.id, field="content")
        return msgspec.msgpack.decode(plain, type=Mail)


@dataclass(frozen=True, slots=True)
class QueuedMailer:
    """`auth.ports.Mailer`: a mail is safe as soon as it is a row. `wake` tells who sends it."""

    queue: MailQueue
    sealed: SealedMails
    wake: Callable[[], None]

    async def send(self, mail: Mail) -> None:
        """Keep the mail, so that it leaves as soon as it can; Unavailable if it was not kept."""
        await self.queue.add(self.sealed.seal(mail))
        self.wake()


class MailDelivery:
    """Sends what waits in the queue."""

    def __init__(
        self,
        queue: MailQueue,
        transport: MailTransport,
        sealed: SealedMails,
        *,
        attempt_seconds: float,
        world: World,
    ) -> None:
        """Take how long one attempt may last; a claim stands for twice that."""
        self._queue = queue
        self._transport = transport
        self._sealed = sealed
        self._attempt_seconds = attempt_seconds
        self._world = world
        self._paused_until: datetime | None = None
        self._stopping = False
        self._news = asyncio.Event()
        self._settled = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    def wake(self) -> None:
        """There is something new in the queue."""
        self._settled.clear()
        self._news.set()

    async def run(self) -> None:
        """Send what is due, now and whenever there is something, until stopped."""
        self._ended.clear()
        try:
            while not self._stopping:
                self._news.clear()
                await self._send_all_due()
                # Rows come due by themselves, and other processes write some.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._news.wait()
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Make no new attempts, and return once those in hand have ended.

        One that is cancelled is made again, under the same key, once its claim ran out.
        """
        self._stopping = True
        self._news.set()
        await self._ended.wait()

    async def settle(self) -> None:
        """Wait until every mail that came before this call was tried at least once."""
        await self._settled.wait()

    async def send_due(self) -> bool:
        """Try some of the mails that are due; whether there were any.

        Raises:
            Unavailable: the queue can't be read or written; claims run out by themselves.
        """
        now = self._world.now()
        if self._paused_until is not None and now < self._paused_until:
            return False
        claim_seconds = 2 * self._attempt_seconds
        mails = await self._queue.claim(
            now=now, until=now + timedelta(seconds=claim_seconds), limit=_AT_ONCE
        )
        await self._try_all(mails)
        return bool(mails)

    async def forget_done(self, older_than: timedelta) -> int:
        """Drop what is left of mails that were sent or given up longer ago; how many."""
        return await self._queue.forget_done(before=self._world.now() - older_than)

    async def _send_all_due(self) -> None:
        try:
            while not self._stopping and await self.send_due():
                pass
        except Exception:  # noqa: BLE001 - whatever it is, mail has to go on
            _log.exception("the mails that wait could not be gone through")
        else:
            if not self._news.is_set():
                self._settled.set()

    async def _try_all(self, mails: Sequence[WaitingMail]) -> None:
        results = await asyncio.gather(*map(self._try, mails), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _try(self, waiting: WaitingMail) -> None:
        try:
            async with asyncio.timeout(self._attempt_seconds):
                await self._deliver(waiting)
        except MailRefused as refused:
            await self._give_up(waiting, refused)
        except MailTrouble as trouble:
            await self._put_off(waiting, trouble)
        except TimeoutError:
            await self._put_off(waiting, MailDelayed("no answer in time"))
        except Exception:  # noqa: BLE001 - one mail must not hold up the others
            _log.exception("a mail could not be sent", extra=_facts(waiting))
            await self._put_off(waiting, MailDelayed("an error of our own"))
        else:
            await self._queue.mark_sent(waiting, now=self._world.now())

    async def _deliver(self, waiting: WaitingMail) -> None:
        try:
            mail = self._sealed.open(waiting)
        except (SealBroken, msgspec.DecodeError) as error:
            raise MailRefused("what was kept of it does not open") from error
        if not mail.void:
            await self._transport.deliver(
                mail, key=UUID(bytes=waiting.id), written_at=waiting.created_at
            )

    async def _put_off(self, waiting: WaitingMail, trouble: MailTrouble) -> None:
        now = self._world.now()
        if now - waiting.created_at >= GIVEN_UP_AFTER:
            await self._give_up(waiting, trouble)
            return
        until = now + timedelta(seconds=self._wait_seconds(waiting.attempts))
        if isinstance(trouble, MailDelayed) and trouble.pause is not None:
            self._paused_until = now + min(trouble.pause, _LONGEST_PAUSE)
            until = max(until, self._paused_until)
        await self._queue.put_off(waiting, reason=trouble.reason, until=until)
        facts = _facts(waiting) | {"reason": trouble.reason, "next_attempt_at": until}
        if isinstance(trouble, MailerMisconfigured):
            _log.critical("no mail can be sent with the settings as they are", extra=facts)
        else:
            _log.warning("a mail could not be sent yet", extra=facts)

    async def _give_up(self, waiting: WaitingMail, trouble: MailTrouble) -> None:
        await self._queue.give_up(waiting, reason=trouble.reason, now=self._world.now())
        _log.error("a mail was given up", extra=_facts(waiting) | {"reason": trouble.reason})

    def _wait_seconds(self, attempts: int) -> float:
        # Give or take half, so that not all come back at one moment to somebody who was down.
        doubled = _FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 30)
        share = int.from_bytes(self._world.random_bytes(4), "big") / 2**32
        return min(doubled, _LONGEST_WAIT_SECONDS) * (0.5 + share)


def _facts(waiting: WaitingMail) -> dict[str, object]:
    return {"mail_id": str(UUID(bytes=waiting.id)), "attempt": waiting.attempts}
