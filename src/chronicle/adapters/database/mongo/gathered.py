"""Keyed reads that go out together.

A round trip costs the process the same for one key as for fifty. So a call that finds reads in
flight waits until one of them is back, and whatever waits by then goes out as one. Alone, a call
goes out at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from chronicle.errors import Unavailable

K = TypeVar("K")
V = TypeVar("V")

_Call: TypeAlias = tuple[K, asyncio.Future[V | None]]

# Two, so that one read that hangs until its deadline does not hold up everybody's.
_IN_FLIGHT = 2
_MOST_AT_ONCE = 200


class GatheredReads(Generic[K, V]):
    """Reads by key, over one that takes many keys and answers those that it found."""

    def __init__(self, read: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._read = read
        self._waiting: list[_Call[K, V]] = []
        self._runs: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """What stands under the key, read after this call began; None if nothing does.

        A caller that stops waiting takes nothing from the others.

        Raises:
            Unavailable: the read that this key went out with failed, or one of those that it had
                to wait for, from beginning to end.
        """
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if len(self._runs) < _IN_FLIGHT:
            run = asyncio.create_task(self._run())
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            # Taken just before the read starts: no call is answered by a read older than it.
            batch = self._waiting[:_MOST_AT_ONCE]
            del self._waiting[:_MOST_AT_ONCE]
            behind = self._waiting[-1:]
            await self._answer([one for one in batch if not one[1].done()], behind)

    async def _answer(self, batch: list[_Call[K, V]], behind: list[_Call[K, V]]) -> None:
        if not batch:
            return
        try:
            found = await self._read(list({key for key, _ in batch}))
        except BaseException as error:
            _fail(batch, error)
            if isinstance(error, Unavailable):
                self._give_up(behind, error)
            if not isinstance(error, Exception):
                raise
            return
        for key, answer in batch:
            if not answer.done():
                answer.set_result(found.get(key))

    def _give_up(self, last: list[_Call[K, V]], error: Unavailable) -> None:
        """Fail all that waited as long as the read that failed: from the front to `last`.

        While a database is down each read takes its whole deadline. If they waited for theirs one
        after the other, more would come than go, and each would wait longer than the one before.
        """
        if last and last[0] in self._waiting:
            end = self._waiting.index(last[0]) + 1
            _fail(self._waiting[:end], error)
            del self._waiting[:end]


def _fail(calls: Iterable[tuple[Any, asyncio.Future[Any]]], error: BaseException) -> None:
    for _, answer in calls:
        if not answer.done():
            answer.set_exception(_own(error))


def _own(error: BaseException) -> BaseException:
    # Each caller gets a failure of its own: tracebacks grow in what is raised by many.
    if isinstance(error, Unavailable):
        failure: Exception = Unavailable(
            error.code, error.message, retry_after_seconds=error.retry_after_seconds or 5
        )
    elif isinstance(error, Exception):
        failure = RuntimeError("a read that was shared with other calls failed")
    else:
        failure = Unavailable()  # the loop is being closed
    failure.__cause__ = error
    return failure
