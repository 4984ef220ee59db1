"""Hashing passwords without holding anybody else up."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chronicle.auth.password_formats import is_password
from chronicle.auth.password_schemes import PasswordScheme
from chronicle.errors import Unavailable

T = TypeVar("T")


def normalize_password(password: str) -> str:
    """NFC, so that the same password typed on another keyboard is the same."""
    return unicodedata.normalize("NFC", password)


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
        on_strain: Callable[[], None] = lambda: None,
        verify: Callable[[str, str], bool | None] = is_password,
    ) -> None:
        """`on_strain` is called whenever three quarters of the queue are taken, or all of it."""
        self._scheme = scheme
        self._is_password = verify
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password-hash")
        self._room = threads + queue
        self._strained_below = queue // 4
        self._on_strain = on_strain
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

    async def _run(self, work: Callable[[], T]) -> T:
        if self._room <= self._strained_below:
            self._on_strain()
        if self._room <= 0:
            raise Unavailable(
                "overloaded", "Too many sign-ins at once. Try again shortly.", retry_after_seconds=2
            )
        self._room -= 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        # The place is given back when the thread is done, not when a caller stops waiting.
        future.add_done_callback(self._give_back)
        return await asyncio.shield(future)

    def _give_back(self, _done: object) -> None:
        self._room += 1
