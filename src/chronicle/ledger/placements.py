"""Which rows got which index a moment ago, and who waits to hear of it."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

from chronicle.ledger.staging import Mark

Name = TypeVar("Name")


class Placements:
    """Recent rows and entries with their index, and the waiters for rows that have none yet.

    Of one event loop: nothing here awaits between looking and registering, so an index that is
    told in between can't be missed.
    """

    def __init__(self, *, remembered: int) -> None:
        """Remember so many rows, and as many entries."""
        self._rows = _Recent[tuple[str, bytes]](remembered)
        self._entries = _Recent[bytes](remembered)
        self._waiting: dict[tuple[str, bytes], set[asyncio.Future[int | None]]] = {}

    def index_of_entry(self, entry: bytes) -> int | None:
        """The index of an entry that was placed recently."""
        return self._entries.get(entry)

    def remember_entries(self, entries: Iterable[bytes], first_index: int) -> None:
        """Know these entries, which follow each other in the log, as placed."""
        for index, entry in enumerate(entries, first_index):
            self._entries.put(entry, index)

    def tell(self, marks: Iterable[Mark]) -> None:
        """Remember rows with their index and answer who waits for them."""
        for mark in marks:
            row = (mark.source, mark.row_id)
            self._rows.put(row, mark.index)
            for waiter in self._waiting.pop(row, ()):
                if not waiter.done():
                    waiter.set_result(mark.index)

    def give_up(self) -> None:
        """Answer None to everyone who still waits."""
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        self._waiting.clear()

    async def wait_for(self, source: str, row_id: bytes, timeout_seconds: float) -> int | None:
        """The row's index; None if the time is over first."""
        row = (source, row_id)
        known = self._rows.get(row)
        if known is not None:
            return known
        waiter: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(row, set()).add(waiter)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await waiter
        except TimeoutError:
            return None
        finally:
            self._leave(row, waiter)

    def _leave(self, row: tuple[str, bytes], waiter: asyncio.Future[int | None]) -> None:
        waiters = self._waiting.get(row)
        if waiters is not None:
            waiters.discard(waiter)
            if not waiters:
                del self._waiting[row]


class _Recent(Generic[Name]):
    """The newest names with their index, up to a number of them."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._indexes: OrderedDict[Name, int] = OrderedDict()

    def get(self, name: Name) -> int | None:
        return self._indexes.get(name)

    def put(self, name: Name, index: int) -> None:
        self._indexes[name] = index
        self._indexes.move_to_end(name)
        if len(self._indexes) > self._capacity:
            self._indexes.popitem(last=False)
