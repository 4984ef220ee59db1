"""Hashing passwords without holding anybody else up."""

import asyncio
import contextlib
import logging
import math
import os
import sys
import threading
import unicodedata
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

from chronicle.auth.password_formats import is_password
from chronicle.auth.password_schemes import PasswordScheme
from chronicle.errors import Overloaded, Unavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")

# Steps of niceness, setpriority(2): with 10 it gets a ninth of what others get who want the core.
# With fewer a read now and then waits for the kernel's next tick, since the event loop has had more
# than its share; with more, sign-ins beside other busy programs wait too long.
_YIELDS = 10
_MILDEST = 19
_TOLD_AGAIN_SECONDS = 60.0


def normalize_password(password: str) -> str:
    """NFC, so that the same password typed on another keyboard is the same."""
    return unicodedata.normalize("NFC", password)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Work that waits for a thread; `known_at` is the account that knows who asks, if any."""

    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Any]"
    known_at: bytes | None


def _give_way() -> None:
    """Let this thread have a ninth of what others here get: a flood of sign-ins delays no read.

    Only Linux knows priorities of threads; elsewhere this would be the process's.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        try:
            mildest = min(_MILDEST, os.getpriority(os.PRIO_PROCESS, thread) + _YIELDS)
            os.setpriority(os.PRIO_PROCESS, thread, mildest)
        except OSError:
            _log.warning("hashing does not give way to the rest: priorities can't be set here")


class PasswordHashing:
    """Hashes in a pool of threads. When its queue is full, the answer is no at once.

    A hash takes tens of milliseconds of a core. Queued without a bound, a flood of sign-ins would
    make everybody wait for seconds; refused at once, most go on as before.

    Known devices have `reserved` places of their own behind the same threads, one for each account.
    Where both wait they take turns, so a flood of strangers delays a known device by no more than
    one hash for each known one before it, and the other way round.
    """

    def __init__(
        self,
        scheme: PasswordScheme,
        *,
        threads: int,
        queue: int,
        reserved: int = 0,
        on_strain: Callable[[], None] = lambda: None,
        verify: Callable[[str, str], bool | None] = is_password,
    ) -> None:
        """`on_strain` is called whenever three quarters of the queue are taken, or all of it."""
        self._scheme = scheme
        self._is_password = verify
        self._handed_over: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"password-hash-{number}", daemon=True)
            for number in range(threads)
        ]
        self._idle = threads
        self._closed = False
        self._on_strain = on_strain
        self._queue, self._reserved = queue, reserved
        self._strangers: deque[_Waiting] = deque()
        self._known: dict[bytes, _Waiting] = {}
        self._known_are_next = True
        self._told_at, self._untold = -math.inf, 0
        self._decoy = scheme.hash("a password that belongs to nobody")
        for thread in self._threads:
            thread.start()

    async def hash(self, password: str) -> str:
        """The hash of a normalised password. Unavailable (`overloaded`) when full."""
        return await self._run(lambda: self._scheme.hash(password))

    async def matches(
        self, password: str, password_hash: str | None, *, known_at: bytes | None = None
    ) -> bool:
        """Whether it is the password. Where no hash can be read, the same work is done, in vain.

        `known_at` is the account that knows the device that asks, and has one reserved place.
        """
        against = self._decoy if password_hash is None else password_hash
        matched = await self._run(lambda: self._verify(password, against), known_at)
        return matched and password_hash is not None

    @property
    def is_busy(self) -> bool:
        """Whether who comes next has to wait."""
        return self._idle <= 0

    def is_outdated(self, password_hash: str) -> bool:
        """Whether today's settings would hash it otherwise."""
        return not self._scheme.is_current(password_hash)

    def close(self) -> None:
        """Let go whoever waits for a thread, and the threads; what is being hashed is finished."""
        self._closed = True
        for waiting in (*self._strangers, *self._known.values()):
            waiting.done.cancel()
        self._strangers.clear()
        self._known.clear()
        for _ in self._threads:
            self._handed_over.put(None)

    def _verify(self, password: str, password_hash: str) -> bool:
        matched = self._is_password(password, password_hash)
        if matched is None:
            self._is_password(password, self._decoy)
        return matched is True

    def refuse_when_full(self, *, perhaps_known: bool) -> None:
        """Unavailable (`overloaded`) when nothing can be hashed now; before other work is done.

        Whoever is `perhaps_known` as a device is not refused while a reserved place is free.
        """
        self._note_strain()
        full = len(self._strangers) >= self._queue
        if perhaps_known:
            full = full and len(self._known) >= self._reserved
        if self.is_busy and full:
            raise self._turned_away()

    def _turned_away(self) -> Overloaded:
        now = asyncio.get_running_loop().time()
        # Not for each of them: in a flood that would cost more than all the rest of turning away.
        self._untold += 1
        if now - self._told_at >= _TOLD_AGAIN_SECONDS:
            _log.warning(
                "sign-ins are turned away: more passwords wait than can be hashed",
                extra={"turned_away": self._untold},
            )
            self._told_at, self._untold = now, 0
        return Overloaded(
            message="Too many sign-ins at once. Try again shortly.", retry_after_seconds=2
        )

    def _note_strain(self) -> None:
        if self.is_busy and len(self._strangers) >= self._queue - self._queue // 4:
            self._on_strain()

    async def _run(self, work: Callable[[], T], known_at: bytes | None = None) -> T:
        if self._closed:
            raise Unavailable
        self._note_strain()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(work, loop, loop.create_future(), known_at)
        if self._idle > 0:
            self._start(waiting)
        else:
            self._line_up(waiting)
        # The place is given back when the thread is done, not when a caller stops waiting.
        result: T = await waiting.done
        return result

    def _line_up(self, waiting: _Waiting) -> None:
        account = waiting.known_at
        # One place each: whoever signs in to one account a hundred times at once, with as many
        # devices that it knows, is one of many.
        if account is not None and account not in self._known and len(self._known) < self._reserved:
            self._known[account] = waiting
        elif len(self._strangers) < self._queue:
            self._strangers.append(waiting)
        else:
            raise self._turned_away()

    def _start(self, waiting: _Waiting) -> None:
        self._idle -= 1
        self._handed_over.put(waiting)

    def _serve(self) -> None:
        # A thread of our own: an executor's future would take two more turns of the event loop.
        _give_way()
        while True:
            waiting = self._handed_over.get()
            if waiting is None:
                return
            self._work_off(waiting)
            del waiting  # or the password in it would stay for as long as there is no other

    def _work_off(self, waiting: _Waiting) -> None:
        result, error = None, None
        try:
            result = waiting.work()
        except BaseException as raised:  # noqa: BLE001 - it is the caller's
            error = raised
        # A loop that has closed has nobody waiting any more.
        with contextlib.suppress(RuntimeError):
            waiting.loop.call_soon_threadsafe(self._finish, waiting, result, error)

    def _finish(self, waiting: _Waiting, result: Any, error: BaseException | None) -> None:
        self._idle += 1
        following = self._next()
        if following is not None:
            self._start(following)
        if waiting.done.done():  # its caller has left
            return
        if error is not None:
            waiting.done.set_exception(error)
        else:
            waiting.done.set_result(result)

    def _next(self) -> _Waiting | None:
        if self._known and (self._known_are_next or not self._strangers):
            self._known_are_next = False
            return self._known.pop(next(iter(self._known)))
        self._known_are_next = True
        return self._strangers.popleft() if self._strangers else None
