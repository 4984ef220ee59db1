"""A clock that is set back: nothing that expired lives again, and no mistake is for good."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.adapters.database.sqlite.clock_floor import SqliteClockFloor
from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.migrate import migrate
from chronicle.api.application import Application
from chronicle.clock import BEARABLE, ClockFloor, ForwardClock, guarded
from chronicle.errors import CannotStart, Gone, Unauthenticated
from chronicle.security.mailed_tokens import TokenPurpose
from chronicle.security.visitors import Visitor
from chronicle.settings import load
from chronicle.users.emails import parse_email
from chronicle.users.ports import AccountId
from chronicle.wiring import open_application
from chronicle.world import World
from tests.fakes.world import FakeWorld
from tests.running_server import CHEAP_HASHES, PASSWORD, free_port

BROWSER = Visitor("192.0.2.7", "Firefox/140.0")


class Machine:
    """A machine whose clock can be set, and whose time passes when a test says so."""

    def __init__(self) -> None:
        self.time = FakeWorld().time
        self.ticks = 1000.0
        self.world = World(now=lambda: self.time, monotonic=lambda: self.ticks)

    def pass_time(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.ticks += seconds

    def set_clock(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[ClockFloor]:
    migrate(tmp_path / "chronicle.sqlite")
    engine = Engine(tmp_path / "chronicle.sqlite")
    yield SqliteClockFloor(engine)
    engine.close()


def clock_of(machine: Machine, floor: datetime | None = None) -> ForwardClock:
    return ForwardClock(machine.world.now, machine.world.monotonic, floor=floor)


def test_a_clock_that_is_right_is_the_machines(machine: Machine) -> None:
    clock = clock_of(machine)
    for seconds in (0, 0.5, 86_400):
        machine.pass_time(seconds)
        assert clock() == machine.time
    machine.set_clock(days=3)
    assert clock() == machine.time
    assert not clock.is_ahead


def test_a_clock_that_was_set_back_goes_on_at_half_its_pace_until_the_machine_caught_up(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    clock = clock_of(machine)
    seen = clock()
    machine.set_clock(minutes=-10)
    assert clock() == seen
    machine.pass_time(60)
    assert clock() == seen + timedelta(seconds=30)
    machine.pass_time(20 * 60 - 60)
    assert clock() == seen + timedelta(minutes=10) == machine.time
    machine.pass_time(60)
    assert clock() == machine.time
    assert not clock.is_ahead
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]
    assert "0:10:00 behind" in caplog.text


@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 10**12).map(lambda micros: micros / 1e6),
            st.integers(-(10**13), 10**13).map(lambda micros: timedelta(microseconds=micros)),
        ),
        max_size=30,
    )
)
def test_whatever_is_done_to_the_machines_clock_time_never_goes_back(
    steps: list[tuple[float, timedelta]],
) -> None:
    machine = Machine()
    clock = clock_of(machine)
    seen = clock()
    for seconds, jump in steps:
        machine.pass_time(seconds)
        machine.time += jump
        now = clock()
        assert now >= max(seen, machine.time)
        seen = now


async def test_a_start_begins_at_no_less_than_the_highest_time_seen(
    floor: ClockFloor, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    seen = machine.time
    await guarded(machine.world, floor)
    machine.set_clock(minutes=-59)
    world = await guarded(machine.world, floor)
    assert world.now() == seen
    assert "behind what was seen before" in caplog.text
    machine.pass_time(10)
    assert world.now() == seen + timedelta(seconds=5)


async def test_ids_go_on_in_order_while_the_machines_clock_is_behind(
    floor: ClockFloor, machine: Machine
) -> None:
    ahead = World().now() + timedelta(minutes=30)
    machine.time = ahead
    await guarded(machine.world, floor)
    world = await guarded(replace(machine.world, now=World().now), floor)
    ids = []
    for _ in range(5):
        machine.pass_time(1)
        ids.append(world.new_id())
    assert ids == sorted(ids)
    assert int.from_bytes(ids[0][:6], "big") >= int(ahead.timestamp() * 1000)


async def test_a_start_far_behind_is_refused_and_says_what_to_do(
    floor: ClockFloor, machine: Machine
) -> None:
    seen = machine.time
    await floor.raise_to(seen)
    machine.time = seen - BEARABLE - timedelta(microseconds=1)
    with pytest.raises(CannotStart, match="chronicle admin clock accept"):
        await guarded(machine.world, floor)
    assert await floor.read() == seen
    machine.time = seen - BEARABLE
    assert (await guarded(machine.world, floor)).now() == seen


@asynccontextmanager
async def running(folder: Path, machine: Machine) -> AsyncIterator[Application]:
    settings = load(
        {
            **CHEAP_HASHES,
            "CHRONICLE_PORT": str(free_port()),
            "CHRONICLE_DATA_DIR": str(folder / "data"),
        }
    )
    async with open_application(settings, machine.world) as app:
        yield app


async def signed_up(app: Application, email: str) -> tuple[str, bytes]:
    """A refresh token and the id of a new account."""
    issued = await app.registration.start(parse_email(email), PASSWORD, None)
    await app.mail_settled()
    assert app.outbox is not None
    code = (await app.outbox.newest(1))[0].subject.split()[0]
    session = await app.registration.finish(issued.ticket, code, BROWSER)
    return session.refresh_token, session.account.id


async def test_in_a_running_application_nothing_revives_that_had_expired(
    tmp_path: Path, machine: Machine
) -> None:
    machine.time = World().now()  # Valkey has the real time
    async with running(tmp_path, machine) as app:
        refresh_token, account_id = await signed_up(app, "ada@example.org")
        tokens = app.lock.tokens
        token = await tokens.issue(
            TokenPurpose.UNLOCK, account_id, epoch=0, lifetime=timedelta(minutes=10)
        )
        ticket = await app.code_sign_in.start(parse_email("ada@example.org"))
        await app.sessions.rotate(refresh_token, BROWSER)
        machine.pass_time(601)
        assert await tokens.find(TokenPurpose.UNLOCK, token) is None
        machine.set_clock(minutes=-30)
        assert await tokens.spend(TokenPurpose.UNLOCK, token) is None
        with pytest.raises(Gone):
            await app.code_sign_in.finish(ticket.ticket, "7K3M-Q9TD", BROWSER)
        # Not within its ten seconds of grace again, so this is a replay, and the session ends.
        with pytest.raises(Unauthenticated):
            await app.sessions.rotate(refresh_token, BROWSER)
        assert (
            await app.sessions.page(AccountId(account_id), cursor=None, limit=100)
        ).sessions == []


async def test_nor_does_it_after_a_restart_with_the_clock_set_back(
    tmp_path: Path, machine: Machine
) -> None:
    machine.time = World().now()
    async with running(tmp_path, machine) as app:
        _, account_id = await signed_up(app, "ada@example.org")
        token = await app.lock.tokens.issue(
            TokenPurpose.UNLOCK, account_id, epoch=0, lifetime=timedelta(minutes=10)
        )
        machine.pass_time(601)
    machine.set_clock(minutes=-30)
    async with running(tmp_path, machine) as app:
        assert await app.lock.tokens.spend(TokenPurpose.UNLOCK, token) is None
    machine.set_clock(hours=-1)
    with pytest.raises(CannotStart, match="has been"):
        async with running(tmp_path, machine):
            pass
