"""Reads that go out together, and what each caller may rely on nevertheless."""

import asyncio
from collections.abc import Mapping

import pytest

from chronicle.adapters.database.mongo.gathered import GatheredReads
from chronicle.errors import Unavailable


class Table:
    """Rows that a test can change, read only when the test lets a read through."""

    def __init__(self) -> None:
        self.rows = {"a": 1, "b": 2}
        self.reads: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: BaseException | None = None
        self.reads_of = GatheredReads(self.read)

    async def read(self, keys: list[str]) -> Mapping[str, int]:
        self.reads.append(sorted(keys))
        found = {key: self.rows[key] for key in keys if key in self.rows}
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return found

    def get(self, key: str) -> "asyncio.Task[int | None]":
        return asyncio.ensure_future(self.reads_of.get(key))


async def turns(count: int = 5) -> None:
    """Let everything that can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def two_in_flight(table: Table) -> "list[asyncio.Task[int | None]]":
    table.gate.clear()
    held = []
    for key in ("x", "y"):
        held.append(table.get(key))
        await turns()
    return held


async def test_a_key_is_answered_and_a_missing_one_is_none() -> None:
    table = Table()
    assert await table.get("a") == 1
    assert await table.get("nobody") is None


async def test_what_waits_for_a_read_goes_out_as_one() -> None:
    table = Table()
    held = await two_in_flight(table)
    waiting = [table.get(key) for key in ("a", "b", "a", "nobody")]
    await turns()
    table.gate.set()
    assert await asyncio.gather(*waiting) == [1, 2, 1, None]
    await asyncio.gather(*held)
    assert table.reads == [["x"], ["y"], ["a", "b", "nobody"]]


async def test_no_call_is_answered_by_a_read_that_began_before_it() -> None:
    table = Table()
    table.gate.clear()
    early = table.get("a")
    await turns()
    table.rows["a"] = 99
    late = table.get("a")
    await turns()
    table.gate.set()
    assert (await early, await late) == (1, 99)


async def test_a_read_that_hangs_does_not_hold_up_the_others() -> None:
    table = Table()
    table.gate.clear()
    hangs = table.get("a")
    await turns()
    held_gate, table.gate = table.gate, asyncio.Event()
    table.gate.set()
    assert await asyncio.gather(table.get("a"), table.get("b")) == [1, 2]
    assert not hangs.done()
    held_gate.set()
    assert await hangs == 1


async def test_who_stops_waiting_takes_nothing_from_the_others() -> None:
    table = Table()
    held = await two_in_flight(table)
    leaves, stays = table.get("a"), table.get("b")
    await turns()
    leaves.cancel()
    held[0].cancel()
    await turns()
    table.gate.set()
    assert await stays == 2
    assert table.reads[2:] == [["b"]]
    assert leaves.cancelled()


async def test_a_failed_read_fails_each_of_its_callers_and_nobody_else() -> None:
    table = Table()
    held = await two_in_flight(table)
    waiting = [table.get(key) for key in ("a", "b")]
    await turns()
    table.failure = Unavailable("storage_full", retry_after_seconds=7)
    table.gate.set()
    failures = await asyncio.gather(*held, *waiting, return_exceptions=True)
    assert all(isinstance(each, Unavailable) for each in failures)
    assert {(each.code, each.retry_after_seconds) for each in failures} == {("storage_full", 7)}
    assert len(set(map(id, failures))) == 4
    table.failure = None
    assert await table.get("a") == 1


async def test_a_bug_in_the_read_is_not_taken_for_an_outage() -> None:
    table = Table()
    table.failure = KeyError("x")
    with pytest.raises(RuntimeError) as caught:
        await table.get("a")
    assert isinstance(caught.value.__cause__, KeyError)


async def test_more_than_fit_into_one_read_are_all_answered() -> None:
    table = Table()
    keys = [f"k{number}" for number in range(500)]
    table.rows = {key: number for number, key in enumerate(keys)}
    assert await asyncio.gather(*map(table.get, keys)) == list(range(500))
    assert max(map(len, table.reads)) <= 200
