"""One SQLite file in WAL mode: keyed reads inline, one writer thread that groups commits.

Reads run on the event loop's thread over a connection of their own: a keyed read takes
microseconds, less than a hop to another thread. Writes queue up for the writer thread, which
takes all that wait, runs each in a savepoint of its own, commits them together with
`synchronous=FULL`, and only then answers: what was acknowledged survives a power cut, and one
caller's failure is one caller's failure.
"""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from chronicle.adapters.database.micros import (
    from_micros,
    optional_micros,
    optional_moment,
    to_micros,
)
from chronicle.errors import Failure, Unavailable

__all__ = ["Engine", "connect", "from_micros", "optional_micros", "optional_moment", "to_micros"]

_log = logging.getLogger(__name__)

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], T]

_LARGEST_GROUP = 512
_BUSY_MS = 5000


@dataclass(slots=True)
class _Job:
    write: Write[Any]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


def connect(path: Path) -> sqlite3.Connection:
    """A connection with the settings that every one of them needs; autocommit."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


class Engine:
    """The file, its reading connection and its writer thread."""

    def __init__(self, path: Path) -> None:
        """Open the file. Its schema must be up to date (see `migrations`)."""
        self._reader = connect(path)
        self._reader.execute("PRAGMA query_only = ON")
        self._writer = connect(path)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def one(self, statement: str, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
        """The first row of a keyed read, or None. Unavailable when the file can't be read."""
        try:
            row: tuple[Any, ...] | None = self._reader.execute(statement, parameters).fetchone()
        except sqlite3.Error as error:
            raise _translate(error) from error
        return row

    def all(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows of a bounded read. Unavailable when the file can't be read."""
        try:
            return self._reader.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise _translate(error) from error

    async def write(self, write: Write[T]) -> T:
        """Run a write in its own savepoint; its result once the commit is on disk.

        A caller that stops waiting does not undo it: the write may still be committed.

        Raises:
            Unavailable: full disk, read-only or damaged file; nothing of it was stored.
            sqlite3.IntegrityError: a constraint refused it; nothing of it was stored.
        """
        loop = asyncio.get_running_loop()
        job = _Job(write, loop, loop.create_future())
        self._jobs.put(job)
        result: T = await job.answer
        return result

    async def is_up(self) -> bool:
        """Whether the file can be read."""
        try:
            self.one("SELECT 1 FROM checkpoint", ())
        except Failure:
            return False
        return True

    def close(self) -> None:
        """Finish the queued writes, then close the file."""
        self._jobs.put(None)
        self._thread.join()
        self._reader.close()
        self._writer.close()

    def _run(self) -> None:
        open_for_business = True
        while open_for_business:
            jobs: list[_Job] = []
            for job in self._take_waiting():
                if job is None:
                    open_for_business = False
                else:
                    jobs.append(job)
            if jobs:
                self._commit_together(jobs)
                _answer_all(jobs)

    def _take_waiting(self) -> Iterator[_Job | None]:
        yield self._jobs.get()
        with contextlib.suppress(queue.Empty):
            for _ in range(_LARGEST_GROUP):
                yield self._jobs.get_nowait()

    def _commit_together(self, jobs: list[_Job]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            if len(jobs) == 1:  # alone, it needs no savepoint: the rollback below is its own
                jobs[0].result = jobs[0].write(self._writer)
            else:
                for job in jobs:
                    self._run_in_savepoint(job)
            self._writer.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - every waiter must be answered
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            for job in jobs:
                job.error = error

    def _run_in_savepoint(self, job: _Job) -> None:
        self._writer.execute("SAVEPOINT one_write")
        try:
            job.result = job.write(self._writer)
        except Exception as error:
            job.error = error
            if not self._writer.in_transaction:
                raise  # a full disk ends the whole transaction by itself: the group fails as one
            self._writer.execute("ROLLBACK TO one_write")
        self._writer.execute("RELEASE one_write")


def _answer_all(jobs: list[_Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, answered in by_loop.items():
        # A loop that has closed has nobody waiting any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_hand_over, answered)


def _hand_over(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.answer.done():
            continue
        if job.error is None:
            job.answer.set_result(job.result)
        else:
            job.answer.set_exception(_translate(job.error))


def _translate(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.IntegrityError | Failure) or not isinstance(error, sqlite3.Error):
        return error
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        failure = Unavailable("storage_full", "The server's disk is full. Nothing was stored.")
    else:
        failure = Unavailable(message="The database is not available right now.")
    _log.error("database: %s", error, exc_info=error)
    failure.__cause__ = error
    return failure
