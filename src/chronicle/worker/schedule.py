"""What runs beside the requests: jobs that never end, and chores that come round."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from chronicle.errors import Unavailable
from chronicle.locks import Locks

_log = logging.getLogger(__name__)

# How much of the time between two turns a chore counts as done.
_TURN = 0.9


@dataclass(frozen=True, slots=True)
class Chore:
    """Something small that is done again and again, and may be done twice.

    One that is for `one` is done by one process of all at each turn.
    """

    name: str
    every_seconds: float
    do: Callable[[], Awaitable[object]]
    one: bool = False


@asynccontextmanager
async def running(
    jobs: Sequence[Callable[[], Awaitable[None]]], chores: Sequence[Chore], locks: Locks
) -> AsyncIterator[None]:
    """Run jobs and chores until the block ends; then cancel what has not ended by itself."""
    work = [job() for job in jobs] + [_repeat(chore, locks) for chore in chores]
    tasks = [asyncio.ensure_future(each) for each in work]
    for task in tasks:
        task.add_done_callback(_report)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(chore: Chore, locks: Locks) -> None:
    while True:
        await asyncio.sleep(chore.every_seconds)
        try:
            if not chore.one or await is_ours(chore, locks):
                await chore.do()
        except Exception:  # noqa: BLE001 - one failing chore must not end the rest
            # It is tried again at its next turn; until then the log says what is wrong.
            _log.exception("a chore failed", extra={"chore": chore.name})


async def is_ours(chore: Chore, locks: Locks) -> bool:
    """Whether this process is the one that does it at this turn.

    The lock is not given back: until it comes free, shortly before the next turn, it says that the
    chore was done. Where nobody can be asked, everybody does it.
    """
    lifetime = timedelta(seconds=_TURN * chore.every_seconds)
    try:
        return await locks.acquire(f"chore {chore.name}", lifetime=lifetime) is not None
    except Unavailable:
        return True


def _report(task: "asyncio.Future[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("a background job ended", exc_info=task.exception())
