"""What every limiter promises."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.crc import key_slot

from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey_limits import ValkeyLimiter
from chronicle.errors import Unavailable
from chronicle.security.limits import Limit, Limiter, Window
from tests.fakes.limits import InMemoryLimiter
from tests.fakes.world import FakeWorld
from tests.services.valkey import EVERY_KIND, Services, Store, opened

MINUTE = Limit("login:60", "address-60s", Window(3, 60))
HOUR = Limit("login:3600", "address-3600s", Window(5, 3600))


@pytest.fixture(params=["memory", *EVERY_KIND])
async def limiter(
    request: pytest.FixtureRequest, valkeys: Services, world: FakeWorld
) -> AsyncIterator[Limiter]:
    if request.param == "memory":
        yield InMemoryLimiter(lambda: world.time)
        return
    async with opened(valkeys[request.param]) as store:
        yield ValkeyLimiter(store.valkey, clock=lambda: world.time)


async def spend(limiter: Limiter, *limits: Limit) -> bool:
    return (await limiter.spend("ada", limits)).granted


async def test_a_window_grants_its_count_and_no_more(limiter: Limiter) -> None:
    assert [await spend(limiter, MINUTE) for _ in range(5)] == [True, True, True, False, False]


async def test_what_is_left_and_when_there_is_more_is_told_for_every_limit(
    limiter: Limiter, world: FakeWorld
) -> None:
    await limiter.spend("ada", (MINUTE, HOUR))
    world.pass_time(seconds=10)
    decision = await limiter.spend("ada", (MINUTE, HOUR))
    assert decision.granted
    assert [level.remaining for level in decision.levels] == [1, 3]
    assert [level.more_in_seconds for level in decision.levels] == pytest.approx([50, 3590])


async def test_it_opens_again_exactly_when_the_oldest_leaves_the_window(
    limiter: Limiter, world: FakeWorld
) -> None:
    for _ in range(3):
        assert await spend(limiter, MINUTE)
        world.pass_time(seconds=1)
    world.pass_time(seconds=56.999999)
    refused = await limiter.spend("ada", (MINUTE,))
    assert not refused.granted
    assert refused.levels[0].remaining == 0
    assert refused.levels[0].more_in_seconds == pytest.approx(0.000001, abs=1e-6)
    world.pass_time(microseconds=1)
    assert await spend(limiter, MINUTE)
    assert not await spend(limiter, MINUTE)


async def test_a_refused_request_spends_nothing_of_any_limit(
    limiter: Limiter, world: FakeWorld
) -> None:
    for _ in range(3):
        assert await spend(limiter, MINUTE, HOUR)
    for _ in range(10):
        assert not await spend(limiter, MINUTE, HOUR)
    world.pass_time(seconds=60)
    assert [await spend(limiter, MINUTE, HOUR) for _ in range(3)] == [True, True, False]


async def test_subjects_and_limits_do_not_share(limiter: Limiter) -> None:
    for _ in range(3):
        assert await spend(limiter, MINUTE)
    other = Limit("register:60", "address-60s", Window(3, 60))
    assert await spend(limiter, other)
    assert (await limiter.spend("bob", (MINUTE,))).granted


async def test_of_racing_calls_no_more_than_the_count_are_granted(limiter: Limiter) -> None:
    granted = await asyncio.gather(*(spend(limiter, MINUTE, HOUR) for _ in range(32)))
    assert sum(granted) == 3


async def test_callers_beyond_those_under_way_wait_for_their_turn(limiter: Limiter) -> None:
    wide = Limit("login:60", "address-60s", Window(1000, 60))
    granted = await asyncio.gather(*(spend(limiter, wide) for _ in range(200)))
    assert granted == [True] * 200


async def test_no_window_of_100_randomised_bursts_holds_more_than_its_count(
    limiter: Limiter, world: FakeWorld
) -> None:
    draw = random.Random(4)
    limits = (
        Limit("a", "a", Window(7, 60)),
        Limit("b", "b", Window(20, 600)),
        Limit("c", "c", Window(90, 7200)),
    )
    granted: list[float] = []
    for _ in range(100):
        world.pass_time(seconds=draw.choice([0.000001, 1, 20, 59.999999, 60, 61, 300, 600]))
        for _ in range(draw.randint(1, 15)):
            world.pass_time(microseconds=draw.choice([0, 0, 1, 1_000_000, 59_999_999]))
            now = world.time.timestamp()
            full = [
                sum(time > now - limit.window.seconds + 5e-7 for time in granted)
                >= limit.window.count
                for limit in limits
            ]
            if await spend(limiter, *limits):
                assert not any(full)
                granted.append(now)
            else:
                assert any(full), "refused though there was room"
    assert len(granted) > 90
    for limit in limits:
        count, seconds = limit.window.count, limit.window.seconds
        for first, after in zip(granted, granted[count:], strict=False):
            assert after - first >= seconds - 5e-7


async def test_a_clock_set_back_shortens_no_window(store: Store, world: FakeWorld) -> None:
    limiter = ValkeyLimiter(store.valkey, clock=lambda: world.time)
    for _ in range(3):
        assert await spend(limiter, MINUTE)
        world.pass_time(seconds=10)
    world.pass_time(days=-1)
    refused = await limiter.spend("ada", (MINUTE,))
    assert not refused.granted
    assert refused.levels[0].more_in_seconds == pytest.approx(40)
    world.pass_time(seconds=39.999999)
    assert not await spend(limiter, MINUTE)
    world.pass_time(microseconds=1)
    assert await spend(limiter, MINUTE)


async def test_a_lower_count_holds_for_what_was_spent_under_a_higher_one(
    limiter: Limiter, world: FakeWorld
) -> None:
    for _ in range(3):
        await spend(limiter, MINUTE)
        world.pass_time(seconds=10)
    lower = Limit(MINUTE.key, MINUTE.policy, Window(1, 60))
    refused = await limiter.spend("ada", (lower,))
    assert not refused.granted
    assert refused.levels[0].remaining == 0
    assert refused.levels[0].more_in_seconds == pytest.approx(50)


async def test_valkey_counts_by_its_own_clock_and_forgets_what_is_over(store: Store) -> None:
    limiter = ValkeyLimiter(store.valkey)
    assert [await spend(limiter, MINUTE, HOUR) for _ in range(4)] == [True, True, True, False]
    keys = store.keys()
    lives = [store.raw.pttl(key) for key in keys]
    assert len(keys) == 2
    assert 3_590_000 < lives[0] <= 3_600_000
    assert 50_000 < lives[1] <= 60_000


async def test_a_subjects_keys_lie_in_one_slot_of_a_cluster(store: Store) -> None:
    await spend(ValkeyLimiter(store.valkey), MINUTE, HOUR)
    kept = store.keys()
    assert len({key_slot(key) for key in kept}) == 1


async def test_without_its_server_a_decision_is_unavailable(tmp_path: Path) -> None:
    client = valkey.connect(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(Unavailable):
        await spend(ValkeyLimiter(client), MINUTE)
    await client.aclose()
