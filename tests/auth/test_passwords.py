import asyncio
import errno
import os
import sys
import threading
import weakref

import pytest

from chronicle.auth.password_formats import is_password
from chronicle.auth.password_schemes import Argon2id, BcryptSha256, PasswordScheme
from chronicle.auth.passwords import PasswordHashing
from chronicle.errors import Unavailable


@pytest.fixture
def hashing():
    hashing = PasswordHashing(
        Argon2id(memory_kib=64, time_cost=1, parallelism=1), threads=1, queue=1
    )
    yield hashing
    hashing.close()


async def test_a_password_matches_its_hash_and_no_other(hashing: PasswordHashing) -> None:
    password = "seven lamps over a quiet harbour"
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


async def test_whatever_the_stored_hash_the_work_of_one_is_done() -> None:
    done = []

    def verify(password: str, password_hash: str) -> bool | None:
        matched = is_password(password, password_hash)
        done.append(matched is not None)
        return matched

    scheme = Argon2id(memory_kib=64, time_cost=1, parallelism=1)
    counting = PasswordHashing(scheme, threads=1, queue=1, verify=verify)
    stored = await counting.hash("seven lamps over a quiet harbour")
    for password_hash in (stored, None, "", "!unusable", "$argon2id$broken", "$2b$31$" + "." * 53):
        done.clear()
        assert not await counting.matches("anything at all, really", password_hash)
        assert sum(done) == 1
    counting.close()


@pytest.mark.parametrize(
    ("scheme", "prefix"),
    [
        (Argon2id(memory_kib=64, time_cost=1, parallelism=1), "$argon2id$"),
        (BcryptSha256(cost=4), "$bcrypt-sha256$v=2,t=2b,r=4$"),
    ],
)
async def test_either_scheme_goes_on_with_the_hashes_of_the_other(
    scheme: PasswordScheme, prefix: str, hashing: PasswordHashing
) -> None:
    chosen = PasswordHashing(scheme, threads=1, queue=1)
    password = "seven lamps over a quiet harbour"
    ours, theirs = await chosen.hash(password), await hashing.hash(password)
    assert ours.startswith(prefix)
    assert not chosen.is_outdated(ours)
    for stored in (ours, theirs):
        assert await chosen.matches(password, stored)
        assert await hashing.matches(password, stored)
    assert not await chosen.matches("a password that belongs to nobody", None)
    assert hashing.is_outdated(ours) is not prefix.startswith("$argon2id$")
    chosen.close()


async def test_other_settings_make_a_hash_outdated(hashing: PasswordHashing) -> None:
    stored = await hashing.hash("seven lamps over a quiet harbour")
    assert not hashing.is_outdated(stored)
    stronger = PasswordHashing(
        Argon2id(memory_kib=128, time_cost=1, parallelism=1), threads=1, queue=1
    )
    assert stronger.is_outdated(stored)
    stronger.close()


async def test_a_full_queue_refuses_at_once_and_recovers(hashing: PasswordHashing) -> None:
    gate = threading.Event()
    blocked = [asyncio.ensure_future(hashing._run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="overloaded"):
        await hashing.hash("seven lamps over a quiet harbour")
    gate.set()
    await asyncio.gather(*blocked)
    assert await hashing.hash("seven lamps over a quiet harbour")


async def test_a_queue_that_is_three_quarters_full_says_so_before_it_refuses() -> None:
    strained: list[int] = []
    gate = threading.Event()
    hashing = PasswordHashing(
        Argon2id(memory_kib=64, time_cost=1, parallelism=1),
        threads=1,
        queue=8,
        on_strain=lambda: strained.append(len(waiting)),
    )
    waiting: list[asyncio.Future[bool]] = []
    for _ in range(9):
        waiting.append(asyncio.ensure_future(hashing._run(gate.wait)))
        await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await hashing.hash("seven lamps over a quiet harbour")
    gate.set()
    await asyncio.gather(*waiting)
    hashing.close()
    assert strained == [8, 9, 9]


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
        await hashing.hash("seven lamps over a quiet harbour")
    gate.set()


@pytest.fixture
def shared():
    """One thread, two places for strangers and two for known devices."""
    shared = PasswordHashing(
        Argon2id(memory_kib=64, time_cost=1, parallelism=1), threads=1, queue=2, reserved=2
    )
    yield shared
    shared.close()


class Thread:
    """The one thread of a pool, held busy; what waits for it is named, and runs in some order."""

    def __init__(self, hashing: PasswordHashing) -> None:
        self._hashing = hashing
        self._gate = threading.Event()
        self._tasks = [asyncio.ensure_future(hashing._run(self._gate.wait))]
        self.order: list[str] = []

    async def wait(self, name: str, device: bytes | None = None) -> None:
        waiting = self._hashing._run(lambda: self.order.append(name), device)
        self._tasks.append(asyncio.ensure_future(waiting))
        await asyncio.sleep(0)

    async def let_go(self) -> None:
        self._gate.set()
        await asyncio.gather(*self._tasks)


async def test_a_known_device_has_a_place_where_strangers_have_none_left_and_its_turn_is_next(
    shared: PasswordHashing,
) -> None:
    stored = await shared.hash("seven lamps over a quiet harbour")
    thread = Thread(shared)
    await thread.wait("stranger 1")
    await thread.wait("stranger 2")
    with pytest.raises(Unavailable, match="overloaded"):
        await shared.matches("seven lamps over a quiet harbour", stored)
    await thread.wait("known 1", b"one")
    await thread.wait("known 2", b"two")
    with pytest.raises(Unavailable, match="overloaded"):
        await shared.matches("seven lamps over a quiet harbour", stored, known_at=b"three")
    await thread.let_go()
    assert thread.order == ["known 1", "stranger 1", "known 2", "stranger 2"]
    assert await shared.matches("seven lamps over a quiet harbour", stored)


async def test_one_account_takes_one_reserved_place_whatever_its_devices(
    shared: PasswordHashing,
) -> None:
    thread = Thread(shared)
    for number in range(3):
        await thread.wait(f"one, {number}", b"one")
    with pytest.raises(Unavailable, match="overloaded"):
        await shared.matches("anything", None, known_at=b"one")
    await thread.wait("two", b"two")
    await thread.let_go()
    assert thread.order == ["one, 0", "one, 1", "two", "one, 2"]


async def test_who_waits_when_the_pool_closes_is_let_go(shared: PasswordHashing) -> None:
    gate = threading.Event()
    tasks = [asyncio.ensure_future(shared._run(gate.wait, device)) for device in (None, None, b"d")]
    await asyncio.sleep(0)
    shared.close()
    gate.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in ended] == [False, True, True]


async def test_a_closed_pool_keeps_no_thread_and_no_thread_a_password() -> None:
    before = set(threading.enumerate())
    hashing = PasswordHashing(
        Argon2id(memory_kib=64, time_cost=1, parallelism=1), threads=2, queue=1
    )
    threads = set(threading.enumerate()) - before
    assert len(threads) == 2

    class Work:
        def __call__(self) -> None:
            """Hold what a closure would."""

    work = Work()
    kept = weakref.ref(work)
    await hashing._run(work)
    del work
    for _ in range(500):  # the thread may still be on its way back to its queue
        if kept() is not None:
            await asyncio.sleep(0.01)
    assert kept() is None
    hashing.close()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(hashing.hash("seven lamps over a quiet harbour"), 5)
    for thread in threads:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()


async def test_work_that_fails_fails_its_caller_alone(shared: PasswordHashing) -> None:
    def fail() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        await shared._run(fail)
    assert await shared.hash("seven lamps over a quiet harbour")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows priorities of threads")
@pytest.mark.parametrize("refused", ["getpriority", "setpriority"])
async def test_where_priorities_can_not_be_set_passwords_are_hashed_all_the_same(
    refused: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, "not here")

    monkeypatch.setattr(os, refused, refuse)
    hashing = PasswordHashing(
        Argon2id(memory_kib=64, time_cost=1, parallelism=1), threads=1, queue=1
    )
    assert await asyncio.wait_for(hashing.hash("seven lamps over a quiet harbour"), 5)
    hashing.close()
    assert "priorities can't be set here" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows priorities of threads")
async def test_hashing_gives_way_to_everything_else() -> None:
    seen = []

    def verify(password: str, password_hash: str) -> bool | None:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return is_password(password, password_hash)

    scheme = Argon2id(memory_kib=64, time_cost=1, parallelism=1)
    hashing = PasswordHashing(scheme, threads=1, queue=1, verify=verify)
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    await hashing.matches("anything at all, really", None)
    hashing.close()
    assert seen == [min(19, before + 10)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
