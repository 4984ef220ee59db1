import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from chronicle.adapters.breaches.hibp import HibpBreaches
from chronicle.errors import Unavailable
from tests.fakes.breaches import RangeApi, range_api

PASSWORD = "a passphrase that was leaked"
SHA1 = hashlib.sha1(PASSWORD.encode()).hexdigest().upper()
REST = SHA1[5:].encode()
OTHER = b"0018A45C4D1DEF81644B54AB7F969B88D65:10"


@pytest.fixture(autouse=True)
async def _connections_are_closed() -> AsyncIterator[None]:
    yield
    # A connection that was given up is closed in the next turns of the loop, which ends now.
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture
def api() -> Iterator[RangeApi]:
    with range_api() as api:
        yield api


async def contains(api: RangeApi, password: str = PASSWORD, *, deadline: float = 10) -> bool:
    async with HibpBreaches(api.url, deadline_seconds=deadline) as breaches:
        return await breaches.contains(password)


async def test_the_api_learns_five_digits_of_the_hash_and_no_more(api: RangeApi) -> None:
    assert not await contains(api)
    assert api.paths == [f"/range/{SHA1[:5]}"]
    (headers,) = api.headers
    assert headers["add-padding"] == "true"
    assert headers["user-agent"] == "Chronicle"
    sent = repr((api.paths, api.headers)).upper()
    assert SHA1[5:] not in sent
    assert PASSWORD.upper() not in sent


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", False),
        (OTHER, False),
        (REST + b":1", True),
        (OTHER + b"\r\n" + REST + b":42", True),
        (OTHER + b"\n" + REST.lower() + b":42\n" + OTHER, True),
        (REST + b":0\r\n" + OTHER, False),
        (REST + b":000", False),
        (REST[:-1] + b":9", False),
        (b"\xff\xfe<html>" + REST, False),
    ],
)
async def test_a_password_is_known_when_its_hash_is_listed_and_no_padding(
    api: RangeApi, body: bytes, found: bool
) -> None:
    api.body = body
    assert await contains(api) is found


@pytest.mark.parametrize("status", [301, 404, 429, 500, 503])
async def test_an_answer_that_is_none_says_that_it_is_not_known(api: RangeApi, status: int) -> None:
    api.status, api.body = status, REST + b":7"
    with pytest.raises(Unavailable) as refusal:
        await contains(api)
    assert str(status) in refusal.value.message
    assert SHA1[:5] not in str(refusal.value)


async def test_an_answer_without_end_is_left(api: RangeApi) -> None:
    api.body = OTHER * 20_000
    with pytest.raises(Unavailable, match="too long"):
        await contains(api)


async def test_an_api_that_says_nothing_is_left_at_the_deadline(api: RangeApi) -> None:
    api.stalled = threading.Event()
    with pytest.raises(Unavailable, match="Timeout"):
        await contains(api, deadline=0.05)


async def test_nobody_there_is_the_same_as_no_answer() -> None:
    async with HibpBreaches("http://127.0.0.1:1") as breaches:
        with pytest.raises(Unavailable):
            await breaches.contains(PASSWORD)
