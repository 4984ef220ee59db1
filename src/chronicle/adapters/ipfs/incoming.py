"""One file on its way in, as the event loop sees it: gathered into batches for a worker thread."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import TypeVar

from chronicle.adapters.ipfs.draft import Draft
from chronicle.adapters.ipfs.shelf import storage_failures
from chronicle.uploads.unixfs import Imported

_ResultT = TypeVar("_ResultT")

# One `writev` takes no more; it also bounds what very small pieces cost.
_BATCH_PIECES = 1024

_log = logging.getLogger(__name__)


class LocalIncoming:
    """Gathers bytes while a worker hashes and stores the ones before, one batch at a time.

    `batch_bytes` says how much to gather now; `ended` is called once, when all is settled or
    discarded.
    """

    def __init__(
        self,
        draft: Draft,
        workers: Executor,
        *,
        batch_bytes: Callable[[], int],
        has_row: Callable[[str], bool],
        ended: Callable[[], None],
    ) -> None:
        self._draft = draft
        self._workers = workers
        self._batch_bytes = batch_bytes
        self._has_row = has_row
        self._ended = ended
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._job: Awaitable[object] | None = None
        self._start(draft.begin)

    async def write(self, data: bytes) -> None:
        """Append bytes; waits when a batch is full and the one before is still worked on."""
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        full = self._gathered_bytes >= self._batch_bytes()
        if full or len(self._gathered) == _BATCH_PIECES:
            await self._hand_over()

    async def keep(self) -> Imported:
        """Make the bytes durable and readable under their CID."""
        await self._hand_over()
        await self._job_done()
        return await self._run(self._draft.place)

    async def settle(self) -> None:
        """Drop the mark that stands for the missing row."""
        await self._finish(self._draft.settle)

    async def discard(self) -> None:
        """Forget what came; waits first for what a worker is still doing with it."""
        self._gathered.clear()
        # What went wrong was told to the caller already, or the caller did not care to wait.
        with contextlib.suppress(Exception):
            await self._job_done()
        await self._finish(lambda: self._draft.discard(self._has_row))

    async def _hand_over(self) -> None:
        await self._job_done()
        batch, self._gathered = self._gathered, []
        self._gathered_bytes = 0
        self._start(lambda: self._draft.append(batch))

    async def _finish(self, work: Callable[[], None]) -> None:
        try:
            await self._run(work)
        except Exception:  # noqa: BLE001 - nobody could do anything about it now; a start clears up
            _log.warning("an upload's leftovers stay until the next start", exc_info=True)
        self._ended()

    async def _run(self, work: Callable[[], _ResultT]) -> _ResultT:
        job = self._start(work)
        await self._job_done()
        return job.result()

    def _start(self, work: Callable[[], _ResultT]) -> asyncio.Future[_ResultT]:
        def told() -> _ResultT:
            with storage_failures():
                return work()

        job = asyncio.get_running_loop().run_in_executor(self._workers, told)
        self._job = job
        return job

    async def _job_done(self) -> None:
        # Shielded: when the caller is cancelled the thread goes on, and `discard` must wait for it.
        if self._job is not None:
            await asyncio.shield(self._job)
            self._job = None
