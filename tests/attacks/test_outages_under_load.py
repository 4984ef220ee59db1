"""A database that hangs under many readers: each waits for one failure, not for a queue of them."""

import asyncio
from collections.abc import Mapping

from chronicle.adapters.database.mongo.gathered import GatheredReads
from chronicle.errors import Unavailable

AT_ONCE = 200


class Hanging:
    """A database whose reads hang until the test says how they end."""

    def __init__(self) -> None:
        self.reads: list[asyncio.Future[Mapping[int, str]]] = []
        self.gathered: GatheredReads[int, str] = GatheredReads(self._read)

    async def _read(self, keys: list[int]) -> Mapping[int, str]:
        self.reads.append(asyncio.get_running_loop().create_future())
        return await self.reads[-1]

    def get(self, key: int) -> "asyncio.Task[str | None]":
        return asyncio.ensure_future(self.gathered.get(key))


async def turns(count: int = 5) -> None:
    """Let everything that can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_whoever_waited_behind_a_read_that_failed_waits_for_no_second_one() -> None:
    database = Hanging()
    held = []
    for key in (-1, -2):
        held.append(database.get(key))
        await turns()
    crowd = [database.get(key) for key in range(5 * AT_ONCE)]
    await turns()
    database.reads[0].set_exception(Unavailable())
    await turns()
    late = database.get(9999)
    await turns()
    assert [task.done() for task in crowd] == [False] * len(crowd)
    # The first two hundred went out; all of the others stood behind them while that read hung.
    database.reads[2].set_exception(Unavailable())
    await turns()
    assert all(isinstance(task.exception(), Unavailable) for task in crowd)
    assert not late.done()
    for read in database.reads[1:2] + database.reads[3:]:
        read.set_result({9999: "there"})
    assert await late == "there"
    await asyncio.gather(*held, return_exceptions=True)


async def test_one_read_that_fails_takes_nobody_down_who_could_still_be_answered() -> None:
    database = Hanging()
    held = []
    for key in (-1, -2):
        held.append(database.get(key))
        await turns()
    waiting = [database.get(key) for key in range(3)]
    await turns()
    database.reads[0].set_exception(Unavailable())
    await turns()
    database.reads[2].set_result(dict.fromkeys(range(3), "there"))
    assert await asyncio.gather(*waiting) == ["there"] * 3
    database.reads[1].set_result({})
    await asyncio.gather(*held, return_exceptions=True)
