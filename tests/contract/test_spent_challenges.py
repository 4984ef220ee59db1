"""What every table of spent challenges promises."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey_challenges import ValkeySpentChallenges
from chronicle.adapters.shared_state.valkey_process import ValkeyProcess
from chronicle.errors import Unavailable
from chronicle.security.challenges import SpentChallenges
from tests.fakes.challenges import InMemorySpentChallenges

LIFETIME = timedelta(minutes=4)


@pytest.fixture(scope="module")
def valkey_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("valkey")


@pytest.fixture
async def client(valkey_folder: Path) -> AsyncIterator[Redis]:
    process = ValkeyProcess(valkey_folder)
    await process.start()
    client = valkey.connect(process.url)
    await client.flushall()
    yield client
    await client.aclose()
    await process.stop()


@pytest.fixture(params=["memory", "valkey"])
def spent(request: pytest.FixtureRequest) -> SpentChallenges:
    if request.param == "memory":
        return InMemorySpentChallenges()
    return ValkeySpentChallenges(request.getfixturevalue("client"))


async def test_a_challenge_is_spent_by_one_of_32_racing_calls(spent: SpentChallenges) -> None:
    told = await asyncio.gather(*(spent.spend("aa", lifetime=LIFETIME) for _ in range(32)))
    assert sum(told) == 1
    assert not await spent.spend("aa", lifetime=LIFETIME)
    assert await spent.spend("bb", lifetime=LIFETIME)


async def test_what_was_spent_is_forgotten_after_its_lifetime_and_not_before(
    client: Redis,
) -> None:
    await ValkeySpentChallenges(client).spend("aa", lifetime=LIFETIME)
    (key,) = await client.keys("*")
    assert LIFETIME / timedelta(milliseconds=1) - 5000 < await client.pttl(key) <= 240_000


async def test_without_shared_state_it_is_not_known(tmp_path: Path) -> None:
    client = valkey.connect(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(Unavailable):
        await ValkeySpentChallenges(client).spend("aa", lifetime=LIFETIME)
    await client.aclose()
