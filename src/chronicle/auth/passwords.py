"""Passwords: which are taken, and hashing them without holding anybody else up."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chronicle.errors import FieldError, Rejected, Unavailable

SHORTEST = 15
LONGEST = 256

T = TypeVar("T")


def accept_password(password: str) -> str:
    """The NFC form of a password that may be set: 15 to 256 code points, nothing else asked.

    Length, not composition, is what makes a password strong (NIST SP 800-63B 3.1.1.2).

    Raises:
        Rejected: `invalid_request` for the field `password`.
    """
    normal = normalize_password(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        why = f"has {len(normal)} characters; take {SHORTEST} to {LONGEST}"
        raise Rejected("invalid_request", f"password: {why}", fields=(FieldError("password", why),))
    return normal


def normalize_password(password: str) -> str:
    """NFC, so that the same password typed on another keyboard is the same."""
    return unicodedata.normalize("NFC", password)


class PasswordHashing:
    """Argon2id (RFC 9106) in a pool of threads. When its queue is full, the answer is no at once.

    A hash takes tens of milliseconds of a core. Queued without a bound, a flood of sign-ins would
    make everybody wait for seconds; refused at once, most go on as before.
    """

    def __init__(
        self,
        *,
        memory_kib: int,
        time_cost: int,
        parallelism: int,
        threads: int,
        queue: int,
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism
        )
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password-hash")
        self._room = threads + queue
        self._decoy = self._hasher.hash("a password that belongs to nobody")

    async def hash(self, password: str) -> str:
        """The PHC string of a normalised password. Unavailable (`overloaded`) when full."""
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password. Without a hash, the same work is done, and it is not."""
        against = self._decoy if password_hash is None else password_hash
        matched = await self._run(lambda: self._verify(against, password))
        return matched and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether today's settings would hash it otherwise."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
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
