import asyncio
import threading

import pytest

from chronicle.auth.passwords import PasswordHashing, accept_password
from chronicle.errors import Rejected, Unavailable


@pytest.fixture
def hashing():
    hashing = PasswordHashing(memory_kib=64, time_cost=1, parallelism=1, threads=1, queue=1)
    yield hashing
    hashing.close()


@pytest.mark.parametrize("length", [15, 64, 256])
def test_length_is_all_that_a_password_needs(length: int) -> None:
    assert accept_password("a" * length) == "a" * length


@pytest.mark.parametrize("length", [0, 14, 257])
def test_a_password_too_short_or_too_long_is_refused(length: int) -> None:
    with pytest.raises(Rejected) as refusal:
        accept_password("a" * length)
    assert refusal.value.fields[0].field == "password"


def test_length_counts_code_points_of_the_nfc_form() -> None:
    assert accept_password("e\u0301" * 15) == "\u00e9" * 15
    with pytest.raises(Rejected):
        accept_password("e\u0301" * 14)
    assert accept_password("\U0001f511" * 15)


async def test_a_password_matches_its_hash_and_no_other(hashing: PasswordHashing) -> None:
    password = "correct horse battery staple"
    stored = await hashing.hash(password)
    assert stored.startswith("$argon2id$")
    assert await hashing.matches(password, stored)
    assert not await hashing.matches(password[:-1], stored)
    assert not await hashing.matches(password[:-1] + "E", stored)


async def test_the_last_of_many_characters_counts(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("x" * 255 + "1")
    assert not await hashing.matches("x" * 255 + "2", stored)


async def test_nothing_matches_where_there_is_no_hash(hashing: PasswordHashing) -> None:
    assert not await hashing.matches("a password that belongs to nobody", None)


async def test_a_hash_that_is_none_matches_nothing(hashing: PasswordHashing) -> None:
    assert not await hashing.matches("anything at all, really", "$argon2id$broken")


async def test_other_settings_make_a_hash_outdated(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("correct horse battery staple")
    assert not hashing.is_outdated(stored)
    stronger = PasswordHashing(memory_kib=128, time_cost=1, parallelism=1, threads=1, queue=1)
    assert stronger.is_outdated(stored)
    stronger.close()


async def test_a_full_queue_refuses_at_once_and_recovers(hashing: PasswordHashing) -> None:
    gate = threading.Event()
    blocked = [asyncio.ensure_future(hashing._run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="overloaded"):
        await hashing.hash("correct horse battery staple")
    gate.set()
    await asyncio.gather(*blocked)
    assert await hashing.hash("correct horse battery staple")


async def test_a_caller_who_leaves_keeps_the_place_until_the_thread_is_done(
    hashing: PasswordHashing,
) -> None:
    gate = threading.Event()
    leaving = [asyncio.ensure_future(hashing._run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    with pytest.raises(Unavailable):
        await hashing.hash("correct horse battery staple")
    gate.set()
