"""What every keeper of the highest time promises."""

import asyncio
from datetime import timedelta

import pytest

from chronicle.clock import ClockFloor
from tests.databases import OpenDatabase
from tests.fakes.world import FakeWorld


@pytest.fixture
def floor(database: OpenDatabase) -> ClockFloor:
    return database.tables.clock_floor


async def test_of_racing_notes_the_highest_time_stays(floor: ClockFloor, world: FakeWorld) -> None:
    assert await floor.read() is None
    times = [world.time + timedelta(microseconds=number * 7 % 32) for number in range(32)]
    await asyncio.gather(*(floor.raise_to(time) for time in times))
    assert await floor.read() == max(times)
    await floor.raise_to(min(times))
    assert await floor.read() == max(times)


async def test_an_operators_time_takes_the_place_of_a_higher_one(
    floor: ClockFloor, world: FakeWorld, database: OpenDatabase
) -> None:
    await floor.raise_to(world.time)
    earlier = world.time - timedelta(days=1)
    await floor.put(earlier)
    assert await (await database.elsewhere()).clock_floor.read() == earlier
