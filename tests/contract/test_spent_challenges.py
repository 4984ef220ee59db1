"""What every table of spent challenges promises."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey_challenges import ValkeySpentChallenges
from chronicle.errors import Unavailable
from chronicle.security.challenges import SpentChallenges
from tests.fakes.challenges import InMemorySpentChallenges
from tests.services.valkey import EVERY_KIND, Services, Store, opened

LIFETIME = timedelta(minutes=4)


@pytest.fixture(params=["memory", *EVERY_KIND])
async def spent(
    request: pytest.FixtureRequest, valkeys: Services
) -> AsyncIterator[SpentChallenges]:
    if request.param == "memory":
        yield InMemorySpentChallenges()
        return
    async with opened(valkeys[request.param]) as store:
        yield ValkeySpentChallenges(store.valkey)


async def test_a_challenge_is_spent_by_one_of_32_racing_calls(spent: SpentChallenges) -> None:
    told = await asyncio.gather(*(spent.spend("aa", lifetime=LIFETIME) for _ in range(32)))
    assert sum(told) == 1
    assert not await spent.spend("aa", lifetime=LIFETIME)
    assert await spent.spend("bb", lifetime=LIFETIME)


async def test_what_was_spent_is_forgotten_after_its_lifetime_and_not_before(
    store: Store,
) -> None:
    await ValkeySpentChallenges(store.valkey).spend("aa", lifetime=LIFETIME)
    (key,) = store.keys()
    assert LIFETIME / timedelta(milliseconds=1) - 5000 < store.raw.pttl(key) <= 240_000


async def test_without_shared_state_it_is_not_known(tmp_path: Path) -> None:
    client = valkey.connect(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(Unavailable):
        await ValkeySpentChallenges(client).spend("aa", lifetime=LIFETIME)
    await client.aclose()
