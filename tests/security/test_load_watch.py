"""When strangers make more work than usual, to the microsecond."""

import pytest

from chronicle.security.load_watch import LASTS, MOST, WITHIN, LoadWatch
from tests.fakes.world import FakeWorld


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def watch(world: FakeWorld) -> LoadWatch:
    return LoadWatch(lambda: world.time)


def note(watch: LoadWatch, times: int) -> None:
    for _ in range(times):
        watch.note()


def test_it_is_high_from_the_twentieth_within_ten_seconds_on(
    world: FakeWorld, watch: LoadWatch
) -> None:
    watch.note()
    world.time += WITHIN
    world.pass_time(microseconds=-1)
    note(watch, MOST - 2)
    assert not watch.is_high
    watch.note()
    assert watch.is_high


def test_it_is_not_high_when_they_take_ten_seconds(world: FakeWorld, watch: LoadWatch) -> None:
    watch.note()
    world.time += WITHIN
    note(watch, MOST - 1)
    assert not watch.is_high


def test_it_stays_high_for_five_minutes_after_the_last_such_moment(
    world: FakeWorld, watch: LoadWatch
) -> None:
    note(watch, MOST)
    world.time += LASTS
    world.pass_time(microseconds=-1)
    assert watch.is_high
    world.pass_time(microseconds=1)
    assert not watch.is_high
    note(watch, 1)  # what was long ago does not count again
    assert not watch.is_high
    note(watch, MOST - 1)
    world.pass_time(minutes=4)
    note(watch, MOST)
    world.pass_time(minutes=4)
    assert watch.is_high


def test_a_hash_pool_that_is_nearly_full_is_enough(world: FakeWorld, watch: LoadWatch) -> None:
    assert not watch.is_high
    watch.strained()
    assert watch.is_high
    world.time += LASTS
    assert not watch.is_high


def test_a_scale_widens_what_is_usual(world: FakeWorld) -> None:
    watch = LoadWatch(lambda: world.time, scale=3)
    note(watch, 3 * MOST - 1)
    assert not watch.is_high
    watch.note()
    assert watch.is_high
