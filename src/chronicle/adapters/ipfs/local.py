"""The local content store: files taken in, hashed and synced by a bounded pool of threads."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chronicle.adapters.ipfs.draft import Draft
from chronicle.adapters.ipfs.incoming import LocalIncoming
from chronicle.adapters.ipfs.shelf import Claim, Shelf, storage_failures
from chronicle.errors import Unavailable
from chronicle.uploads.unixfs import Importer

HasCid = Callable[[str], Coroutine[Any, Any, bool]]

_MIB = 1 << 20
# A reader that takes nothing holds one piece in memory, and there may be thousands of them.
_PIECE_BYTES = 256 << 10
_WRITERS = 4
_READERS = 4
# What all uploads together may hold in memory: each gathers one batch while one is worked on.
_MEMORY_BYTES = 32 * _MIB
_LARGEST_BATCH = _MIB
_SMALLEST_BATCH = 64 << 10
_ROW_LOOKUP_SECONDS = 30.0


class LocalContentStore:
    """Contents in a local folder, for one or more processes on one machine.

    `has_cid` tells whether a committed row refers to a CID. Call `open` before and `close` after.
    """

    def __init__(
        self,
        folder: Path,
        *,
        has_cid: HasCid,
        new_name: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._shelf = Shelf(folder)
        self._has_cid = has_cid
        self._new_name = new_name
        self._writers = ThreadPoolExecutor(_WRITERS, "content-writer")
        self._readers = ThreadPoolExecutor(_READERS, "content-reader")
        self._claim: Claim | None = None
        self._live = 0

    async def open(self) -> None:
        """Make the folders, and clear what processes that died half way left behind.

        Raises:
            Unavailable: the folder can't be used.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writers, self._prepare, self._row_asker(loop))

    def _prepare(self, has_row: Callable[[str], bool]) -> None:
        with storage_failures():
            self._shelf.prepare()
            self._claim = self._shelf.claim(self._new_name())
            self._shelf.clear_dead_owners(has_row)

    async def close(self) -> None:
        """Wait for what the threads are doing and let go of the folder."""
        # In a thread of their own: the last jobs may still ask the event loop for rows.
        await asyncio.to_thread(self._writers.shutdown)
        await asyncio.to_thread(self._readers.shutdown)
        if self._claim is not None:
            self._claim.release()

    async def receive(self, importer: Importer) -> LocalIncoming:
        """Start taking in a file."""
        if self._claim is None:
            raise RuntimeError("the store is not open")
        self._live += 1
        return LocalIncoming(
            Draft(self._shelf, self._claim.path / self._new_name(), importer),
            self._writers,
            batch_bytes=self._batch_bytes,
            has_row=self._row_asker(asyncio.get_running_loop()),
            ended=self._one_less,
        )

    async def size(self, cid: str) -> int | None:
        """Bytes stored under the CID, or None."""
        try:
            return self._shelf.path(cid).stat().st_size
        except FileNotFoundError:
            return None

    async def read(self, cid: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in pieces of at most 1 MiB."""
        try:
            file = os.open(self._shelf.path(cid), os.O_RDONLY)
        except OSError as error:
            raise _missing() from error
        loop = asyncio.get_running_loop()
        try:
            while start < stop:
                length = min(_PIECE_BYTES, stop - start)
                piece = await loop.run_in_executor(self._readers, os.pread, file, length, start)
                if not piece:
                    raise _missing()
                start += len(piece)
                yield piece
        finally:
            os.close(file)

    def _batch_bytes(self) -> int:
        return max(_SMALLEST_BATCH, min(_LARGEST_BATCH, _MEMORY_BYTES // (2 * self._live)))

    def _one_less(self) -> None:
        self._live -= 1

    def _row_asker(self, loop: asyncio.AbstractEventLoop) -> Callable[[str], bool]:
        """`has_cid` for a worker thread, which waits while the loop looks."""

        def ask(cid: str) -> bool:
            answer = asyncio.run_coroutine_threadsafe(self._has_cid(cid), loop)
            return answer.result(_ROW_LOOKUP_SECONDS)

        return ask


def _missing() -> Unavailable:
    return Unavailable("content_missing", "The file's bytes can't be read right now.")
