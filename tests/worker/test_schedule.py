import asyncio

import pytest

from chronicle.worker.schedule import Chore, is_ours, running
from tests.fakes.faults import Fault
from tests.fakes.locks import InMemoryLocks
from tests.fakes.world import FakeWorld


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def locks(world: FakeWorld) -> InMemoryLocks:
    return InMemoryLocks(lambda: world.time)


async def nothing() -> None:
    pass


SWEEP = Chore("sweep", 3600, nothing, one=True)


async def test_of_all_processes_one_does_a_chore_at_each_turn(
    locks: InMemoryLocks, world: FakeWorld
) -> None:
    assert [await is_ours(SWEEP, locks) for _ in range(3)] == [True, False, False]
    world.pass_time(seconds=3000)
    assert not await is_ours(SWEEP, locks)
    world.pass_time(seconds=600)
    assert [await is_ours(SWEEP, locks) for _ in range(3)] == [True, False, False]


async def test_chores_are_told_apart(locks: InMemoryLocks) -> None:
    assert await is_ours(SWEEP, locks)
    assert await is_ours(Chore("other", 3600, nothing, one=True), locks)


async def test_without_shared_state_every_process_does_its_chores(locks: InMemoryLocks) -> None:
    locks.faults.always = Fault.FAILS
    assert [await is_ours(SWEEP, locks) for _ in range(2)] == [True, True]


async def test_chores_come_round_and_those_for_one_ask_for_the_lock(locks: InMemoryLocks) -> None:
    done: dict[str, int] = {"every": 0, "one": 0}
    often = asyncio.Event()

    async def do_every() -> None:
        done["every"] += 1
        if done["every"] == 3:
            often.set()

    async def do_one() -> None:
        done["one"] += 1

    chores = [Chore("every", 0.001, do_every), Chore("one", 0.001, do_one, one=True)]
    async with running([], chores, locks), asyncio.timeout(10):
        await often.wait()
    # The fake's clock stands still, so the turn of the one that had it never ends.
    assert done["one"] == 1
