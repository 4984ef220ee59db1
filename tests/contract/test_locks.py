"""What every keeper of locks promises."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

import chronicle
from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey_locks import ValkeyLocks
from chronicle.errors import Unavailable
from chronicle.locks import HeldLock, Locks
from chronicle.world import World
from tests.fakes.locks import InMemoryLocks
from tests.fakes.world import FakeWorld
from tests.services.valkey import EVERY_KIND, Services, Store, opened

LIFETIME = timedelta(minutes=1)


@dataclass
class Shared:
    """Two processes that share their locks, and what makes a lock expire."""

    one: Locks
    other: Locks
    expire: Callable[[HeldLock], Awaitable[object]]


@pytest.fixture(params=["memory", *EVERY_KIND])
async def shared(
    request: pytest.FixtureRequest, valkeys: Services, world: FakeWorld
) -> AsyncIterator[Shared]:
    if request.param == "memory":
        locks = InMemoryLocks(lambda: world.time)

        async def pass_time(_held: HeldLock) -> None:
            world.time += LIFETIME

        yield Shared(locks, locks, pass_time)
        return
    async with opened(valkeys[request.param]) as store:

        async def expire(held: HeldLock) -> None:
            # Just what Valkey does by itself when the time has come.
            store.raw.pexpire(f"chronicle:lock:{{{held.name}}}", 0)

        yield Shared(ValkeyLocks(store.valkey, World()), ValkeyLocks(store.valkey, World()), expire)


async def acquire(locks: Locks, name: str = "sweep") -> HeldLock:
    held = await locks.acquire(name, lifetime=LIFETIME)
    assert held is not None
    return held


async def test_of_two_owners_one_has_it_until_it_is_given_back(shared: Shared) -> None:
    held = await acquire(shared.one)
    assert await shared.other.acquire("sweep", lifetime=LIFETIME) is None
    assert await shared.one.acquire("sweep", lifetime=LIFETIME) is None
    assert await shared.one.release(held)
    await acquire(shared.other)


async def test_of_32_racing_owners_one_has_it(shared: Shared) -> None:
    given = await asyncio.gather(
        *(
            locks.acquire("sweep", lifetime=LIFETIME)
            for locks in (shared.one, shared.other)
            for _ in range(16)
        )
    )
    assert sum(each is not None for each in given) == 1


async def test_names_are_locked_apart(shared: Shared) -> None:
    await acquire(shared.one, "sweep")
    await acquire(shared.one, "sweep:fence")
    await acquire(shared.other, "pins")


async def test_it_comes_free_when_its_owner_is_gone(shared: Shared) -> None:
    held = await acquire(shared.one)
    await shared.expire(held)
    await acquire(shared.other)


async def test_a_stale_owner_can_neither_renew_nor_give_back_what_is_another_ones(
    shared: Shared,
) -> None:
    stale = await acquire(shared.one)
    await shared.expire(stale)
    assert not await shared.one.renew(stale, lifetime=LIFETIME)
    current = await acquire(shared.other)
    assert not await shared.one.renew(stale, lifetime=LIFETIME)
    assert not await shared.one.release(stale)
    assert await shared.one.acquire("sweep", lifetime=LIFETIME) is None
    assert await shared.other.renew(current, lifetime=LIFETIME)
    assert await shared.other.release(current)
    assert not await shared.other.release(current)


async def test_who_guesses_the_fence_but_not_the_token_has_nothing(shared: Shared) -> None:
    held = await acquire(shared.one)
    forged = HeldLock(held.name, "", held.fence)
    assert not await shared.other.release(forged)
    assert not await shared.other.renew(forged, lifetime=LIFETIME)


async def test_the_fence_grows_with_every_owner(shared: Shared) -> None:
    fences = []
    for number in range(20):
        locks = shared.one if number % 2 else shared.other
        held = await acquire(locks)
        fences.append(held.fence)
        if number % 3:
            await locks.release(held)
        else:
            await shared.expire(held)
    assert fences == sorted(set(fences))


async def test_the_fence_grows_over_a_flushed_valkey(store: Store) -> None:
    locks = ValkeyLocks(store.valkey, World())
    before = await acquire(locks)
    store.raw.flushall()
    assert (await acquire(locks)).fence > before.fence


async def test_the_fence_grows_when_the_clock_was_set_back(store: Store) -> None:
    locks = ValkeyLocks(store.valkey, World())
    ahead = (await acquire(locks)).fence + 10**12
    store.raw.set("chronicle:lock:{later}:fence", ahead)
    assert (await acquire(locks, "later")).fence == ahead + 1


def test_nothing_in_chronicle_rests_on_a_number_that_a_failover_may_repeat() -> None:
    package = Path(chronicle.__file__).parent
    users = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"\.fence\b", path.read_text(encoding="utf-8"))
    }
    assert users == set()


async def test_renewing_lets_it_live_on_from_now(store: Store) -> None:
    locks = ValkeyLocks(store.valkey, World())
    held = await acquire(locks)
    assert await locks.renew(held, lifetime=timedelta(hours=1))
    assert 3_590_000 < store.raw.pttl("chronicle:lock:{sweep}") <= 3_600_000


async def test_without_its_server_every_call_is_unavailable(tmp_path: Path) -> None:
    client = valkey.connect(f"unix://{tmp_path}/nobody.sock")
    locks = ValkeyLocks(client, World())
    held = HeldLock("sweep", "token", 1)
    for call in (
        locks.acquire("sweep", lifetime=LIFETIME),
        locks.renew(held, lifetime=LIFETIME),
        locks.release(held),
    ):
        with pytest.raises(Unavailable):
            await call
    await client.aclose()
