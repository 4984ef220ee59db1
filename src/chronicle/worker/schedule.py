"""What runs beside the requests: jobs that never end, and chores that come round."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something small that is done again and again."""

    name: str
    every_seconds: float
    do: Callable[[], Awaitable[object]]


@asynccontextmanager
async def running(
    jobs: Sequence[Callable[[], Awaitable[None]]], chores: Sequence[Chore]
) -> AsyncIterator[None]:
    """Run jobs and chores until the block ends; then cancel what has not ended by itself."""
    work = [job() for job in jobs] + [_repeat(chore) for chore in chores]
    tasks = [asyncio.ensure_future(each) for each in work]
    for task in tasks:
        task.add_done_callback(_report)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(chore: Chore) -> None:
    while True:
        await asyncio.sleep(chore.every_seconds)
        try:
            await chore.do()
        except Exception:  # noqa: BLE001 - one failing chore must not end the rest
            # It is tried again at its next turn; until then the log says what is wrong.
            _log.exception("a chore failed", extra={"chore": chore.name})


def _report(task: "asyncio.Future[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("a background job ended", exc_info=task.exception())
