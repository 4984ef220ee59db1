"""Hashing passwords without holding anybody else up."""

import asyncio
import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chronicle.auth.password_formats import is_password
from chronicle.auth.password_schemes import PasswordScheme
from chronicle.errors import Unavailable

T = TypeVar("T")

# Steps of niceness, setpriority(2): with 10 it gets a tenth of what others get who want the core.
_YIELDS = 10
_MILDEST = 19


def normalize_password(password: str) -> str:
    """NFC, so that the same password typed on another keyboard is the same."""
    return unicodedata.normalize("NFC", password)


def _give_way() -> None:
    """Let this thread run when nobody else here wants to: a flood of sign-ins delays no read.

    Only Linux knows priorities of threads; elsewhere this would be the process's.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        mildest = min(_MILDEST, os.getpriority(os.PRIO_PROCESS, thread) + _YIELDS)
        os.setpriority(os.PRIO_PROCESS, thread, mildest)


class PasswordHashing:
    """Hashes in a pool of threads. When its queue is full, the answer is no at once.

    A hash takes tens of milliseconds of a core. Queued without a bound, a flood of sign-ins would
    make everybody wait for seconds; refused at once, most go on as before.
    """

    def __init__(
        self,
        scheme: PasswordScheme,
        *,
        threads: int,
        queue: int,
        verify: Callable[[str, str], bool | None] = is_password,
    ) -> None:
        self._scheme = scheme
        self._is_password = verify
        self._pool = ThreadPoolExecutor(
            threads, thread_name_prefix="password-hash", initializer=_give_way
        )
        self._room = threads + queue
        self._decoy = scheme.hash("a password that belongs to nobody")

    async def hash(self, password: str) -> str:
        """The hash of a normalised password. Unavailable (`overloaded`) when full."""
        return await self._run(lambda: self._scheme.hash(password))

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password. Where no hash can be read, the same work is done, in vain."""
        against = self._decoy if password_hash is None else password_hash
        matched = await self._run(lambda: self._verify(password, against))
        return matched and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether today's settings would hash it otherwise."""
        return not self._scheme.is_current(password_hash)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, password_hash: str) -> bool:
        matched = self._is_password(password, password_hash)
        if matched is None:
            self._is_password(password, self._decoy)
        return matched is True

    def refuse_when_full(self) -> None:
        """Unavailable (`overloaded`) when nothing can be hashed now; before other work is done."""
        if self._room <= 0:
            raise Unavailable(
                "overloaded", "Too many sign-ins at once. Try again shortly.", retry_after_seconds=2
            )

    async def _run(self, work: Callable[[], T]) -> T:
        self.refuse_when_full()
        self._room -= 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        # The place is given back when the thread is done, not when a caller stops waiting.
        future.add_done_callback(self._give_back)
        return await asyncio.shield(future)

    def _give_back(self, _done: object) -> None:
        self._room += 1
