"""The one who gives out indices: takes pending entries from their rows and appends them to the log.

The order of writing is what makes a crash harmless. Pool, indices, *one* staging object, then the
compare-and-swap of the checkpoint that names it: that is the commit point. Only then tiles, the
published checkpoint, the index in each row, and the answer to who waits. Whatever is left undone
after the commit is done again from the staging object; whatever was not committed did not happen,
and its rows are still pending.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from chronicle.errors import Failure
from chronicle.ledger.batches import Candidate, Plan, plan, within
from chronicle.ledger.checkpoints import sign_checkpoint
from chronicle.ledger.entries import parse_entry
from chronicle.ledger.failures import UnknownSource, Unreadable
from chronicle.ledger.notes import Signer
from chronicle.ledger.placements import Placements
from chronicle.ledger.ports import (
    Checkpoints,
    EntrySource,
    Placed,
    StoredCheckpoint,
    TileStore,
    TreeHead,
)
from chronicle.ledger.recovery import OpenLog, open_log, publish, sweep
from chronicle.ledger.staging import Mark
from chronicle.ledger.stored_tree import CHECKPOINT_PATH, lay_down, load_tail
from chronicle.ledger.tiles import Edge

_log = logging.getLogger(__name__)

_DRAINED_BATCHES = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, and how often.

    `gather_seconds` is how long a first entry waits for company; `poll_seconds` how often rows are
    looked for that nobody announced, such as those whose entry comes due.
    """

    batch_entries: int = 8192
    batch_bytes: int = 16 * 1024 * 1024
    gather_seconds: float = 0.05
    poll_seconds: float = 2.0
    first_backoff_seconds: float = 0.2
    longest_backoff_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class _Position:
    """Where the log stands for this writer, as long as nothing has failed."""

    stored: StoredCheckpoint
    edge: Edge


class Sequencer:
    """Appends pending entries to the log. One at a time should run; several can't fork it."""

    def __init__(
        self,
        *,
        store: TileStore,
        checkpoints: Checkpoints,
        sources: Sequence[EntrySource],
        signer: Signer,
        clock: Callable[[], datetime],
        pace: Pace | None = None,
    ) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._sources = {source.name: source for source in sources}
        self._signer = signer
        self._clock = clock
        self._pace = pace or Pace()
        self._placements = Placements(remembered=2 * self._pace.batch_entries)
        # None whenever a step failed or another writer was faster: then nothing that was
        # remembered is believed, and the log is opened anew before the pool is read again.
        self._position: _Position | None = None
        self._trouble: Exception | None = None
        # Rows that hold no entry, as the last poll met them: each is reported once.
        self._misfits: frozenset[tuple[str, bytes]] = frozenset()
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    @property
    def trouble(self) -> Exception | None:
        """Why the last step failed; None while all is well. For health reports."""
        return self._trouble

    @property
    def head(self) -> TreeHead | None:
        """The committed tree; None while it has to be read again."""
        return self._position.stored.head if self._position else None

    async def start(self) -> None:
        """Finish what was committed before a crash, and check that the log may be extended.

        Raises:
            LogRefused: it must not; the type says why.
            Unavailable: a store failed; safe to call again.
        """
        await self._open()

    async def run(self) -> None:
        """Append batches until `stop`. A failing part is waited for; nothing is lost meanwhile."""
        self._ended.clear()
        backoff = self._pace.first_backoff_seconds
        try:
            while not self._stopping.is_set():
                placed = await self._try_batch()
                if placed is None:
                    await self._pause(self._stopping, backoff)
                    backoff = min(2 * backoff, self._pace.longest_backoff_seconds)
                    continue
                backoff = self._pace.first_backoff_seconds
                if not placed:
                    await self._idle()
            await self._drain()
        finally:
            self._placements.give_up()
            self._ended.set()

    def wake(self) -> None:
        """Say that a row has a new entry."""
        self._woken.set()

    async def wait_for(self, source_name: str, row_id: bytes, timeout_seconds: float) -> int | None:
        """The index of a row's entry once it is in the published log; None if that takes longer."""
        self.wake()
        return await self._placements.wait_for(source_name, row_id, timeout_seconds)

    async def stop(self) -> None:
        """Append what is due, end the loop, and return once it has ended."""
        self._stopping.set()
        self._woken.set()
        await self._ended.wait()

    async def append_batch(self) -> int:
        """Do one step: the number of entries that it appended; 0 when none is due.

        Also 0 when another writer was faster: the next step begins with what that one committed.

        Raises:
            LogRefused, Unavailable: as `start`. The batch is either not in the log, or the next
                step finishes it.
        """
        position = self._position or await self._open()
        self._position = None
        candidates = await self._pool()
        if not candidates:
            self._position = position if await self._is_published(position) else None
            return 0
        work = await asyncio.to_thread(plan, position.edge, candidates)
        stored = self._checkpoint_of(work)
        await self._store.write(work.path, work.content)
        if not await self._checkpoints.advance(position.stored.head, stored):
            _log.warning("another writer was faster; taking up the log where it left it")
            return 0
        await self._settle(work, stored)
        return len(work.batch.entries)

    async def _settle(self, work: Plan, stored: StoredCheckpoint) -> None:
        """Do what follows from a commit, in the order that keeps every promise."""
        await lay_down(self._store, work.growth)
        await publish(self._store, stored.note)
        # A writer that slept here may have put an older checkpoint over another's newer one.
        overtaken = await self._checkpoints.load() != stored
        await self._record(work.batch.marks)
        self._placements.remember_entries(work.batch.entries, work.batch.size_before)
        self._placements.tell(work.batch.marks)
        await sweep(self._store, stored)
        self._position = None if overtaken else _Position(stored, work.growth.edge)

    async def _open(self) -> _Position:
        opened = await open_log(self._store, self._checkpoints, self._signer)
        await self._take_up_last_batch(opened)
        self._position = _Position(opened.stored, opened.edge)
        return self._position

    async def _take_up_last_batch(self, opened: OpenLog) -> None:
        # Before the pool is read: these rows may not know yet that they are placed.
        if opened.last is not None:
            self._placements.remember_entries(opened.last.entries, opened.last.size_before)
            await self._record(opened.last.marks)
            self._placements.tell(opened.last.marks)
            return
        # Without the staging object it is not known which rows the last batch was of. Their
        # entries are, and one of these that is still pending is marked instead of placed again.
        first, entries = await load_tail(
            self._store, opened.edge, at_least=self._pace.batch_entries
        )
        self._placements.remember_entries(entries, first)

    async def _pool(self) -> list[Candidate]:
        """Pending entries that are not in the log; rows of those that are get their index."""
        share = max(1, self._pace.batch_entries // max(1, len(self._sources)))
        now = self._clock()
        pending = [
            [Candidate(name, row) for row in await source.pending(due=now, limit=share)]
            for name, source in self._sources.items()
        ]
        fit = self._fit(chain.from_iterable(pending))
        placed = [(each, self._placements.index_of_entry(each.row.entry)) for each in fit]
        again = [Mark(c.source, c.row.row_id, index) for c, index in placed if index is not None]
        if again:
            await self._record(again)
            self._placements.tell(again)
        fresh = (candidate for candidate, index in placed if index is None)
        return within(fresh, entries=self._pace.batch_entries, total_bytes=self._pace.batch_bytes)

    def _fit(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Those whose entry is one. What enters the log stays there for good."""
        fit, misfits = [], set()
        for each in candidates:
            try:
                parse_entry(each.row.entry)
            except Unreadable as error:
                misfits.add((each.source, each.row.row_id))
                if (each.source, each.row.row_id) not in self._misfits:
                    _report_misfit(each, error)
            else:
                fit.append(each)
        self._misfits = frozenset(misfits)
        return fit

    async def _record(self, marks: Sequence[Mark]) -> None:
        by_source: dict[str, list[Placed]] = {}
        for mark in marks:
            by_source.setdefault(mark.source, []).append(Placed(mark.row_id, mark.index))
        unknown = by_source.keys() - self._sources.keys()
        if unknown:
            # Going on would drop the only note of these rows' indices.
            raise UnknownSource(
                f"The last batch placed rows of {', '.join(sorted(unknown))}, which is not known."
            )
        for name, placed in by_source.items():
            await self._sources[name].record_placed(placed)

    async def _is_published(self, position: _Position) -> bool:
        """Whether the world sees this writer's checkpoint. If not, another one was at work."""
        return await self._store.read(CHECKPOINT_PATH) == position.stored.note

    def _checkpoint_of(self, work: Plan) -> StoredCheckpoint:
        head = work.growth.edge.head
        return StoredCheckpoint(
            self._signer.name, head, sign_checkpoint(self._signer, head), work.path
        )

    async def _try_batch(self) -> int | None:
        """One step of the loop; None when it failed."""
        try:
            placed = await self.append_batch()
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop must outlive it
            self._trouble = error.with_traceback(None)
            code = error.code if isinstance(error, Failure) else "unexpected"
            _log.exception("the log can't be extended at the moment (%s)", code)
            return None
        self._trouble = None
        return placed

    async def _drain(self) -> None:
        for _ in range(_DRAINED_BATCHES):
            if not await self._try_batch():
                return

    async def _idle(self) -> None:
        await self._pause(self._woken, self._pace.poll_seconds)
        if self._woken.is_set() and not self._stopping.is_set():
            await self._pause(self._stopping, self._pace.gather_seconds)
        # Before the pool is read, so that a row which is announced meanwhile is seen next time.
        self._woken.clear()

    @staticmethod
    async def _pause(until: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await until.wait()
        except TimeoutError:
            return


def _report_misfit(candidate: Candidate, error: Unreadable) -> None:
    _log.error(
        "row %s of %s holds no entry and is left out: %s",
        candidate.row.row_id.hex(),
        candidate.source,
        error.message,
    )
