"""What every keeper of tickets promises."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey_tickets import ValkeyTickets
from chronicle.auth.ports import Ticket, Tickets
from chronicle.errors import Unavailable
from chronicle.world import World
from tests.fakes.auth import InMemoryTickets
from tests.fakes.world import FakeWorld
from tests.services.valkey import EVERY_KIND, Services, opened


@pytest.fixture
def world() -> FakeWorld:
    """Valkey expires keys by its own clock, which is right as a rule."""
    world = FakeWorld()
    now = World().now()
    world.time = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return world


@pytest.fixture(params=["memory", *EVERY_KIND])
async def tickets(request: pytest.FixtureRequest, valkeys: Services) -> AsyncIterator[Tickets]:
    if request.param == "memory":
        yield InMemoryTickets()
        return
    async with opened(valkeys[request.param]) as store:
        yield ValkeyTickets(store.valkey)


def a_ticket(world: FakeWorld, *, guesses: int = 5) -> Ticket:
    return Ticket(
        key=world.world.random_bytes(32),
        content=b"sealed \x00\xff\r\n",
        code_mac=b"\x00right\xff",
        guesses=guesses,
        expires_at=world.time + timedelta(minutes=10),
        resend_at=world.time + timedelta(seconds=60),
    )


async def test_a_right_guess_gives_the_content(tickets: Tickets, world: FakeWorld) -> None:
    ticket = a_ticket(world)
    await tickets.put(ticket, now=world.time)
    answer = await tickets.guess(ticket.key, ticket.code_mac, now=world.time)
    assert answer == (True, ticket.content)


async def test_guesses_run_out_and_then_the_right_code_is_too_late(
    tickets: Tickets, world: FakeWorld
) -> None:
    ticket = a_ticket(world, guesses=2)
    await tickets.put(ticket, now=world.time)
    for _ in range(2):
        assert await tickets.guess(ticket.key, b"wrong", now=world.time) == (False, ticket.content)
    assert await tickets.guess(ticket.key, ticket.code_mac, now=world.time) is None


async def test_of_32_racing_guesses_no_more_than_the_budget_are_answered(
    tickets: Tickets, world: FakeWorld
) -> None:
    ticket = a_ticket(world)
    await tickets.put(ticket, now=world.time)
    answers = await asyncio.gather(
        *(tickets.guess(ticket.key, b"wrong", now=world.time) for _ in range(32))
    )
    assert sum(answer is not None for answer in answers) == 5


async def test_an_expired_ticket_is_none_and_no_step_back_of_the_clock_revives_it(
    tickets: Tickets, world: FakeWorld
) -> None:
    ticket = a_ticket(world)
    await tickets.put(ticket, now=world.time)
    assert await tickets.guess(ticket.key, ticket.code_mac, now=ticket.expires_at) is None
    assert await tickets.guess(ticket.key, ticket.code_mac, now=world.time) is None


@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_ticket_lives_as_long_where_chronicles_clock_is_wrong(
    tickets: Tickets, world: FakeWorld, hours: float
) -> None:
    world.pass_time(hours=hours)
    ticket = a_ticket(world)
    await tickets.put(ticket, now=world.time)
    world.pass_time(minutes=9, seconds=59)
    assert await tickets.look(ticket.key, now=world.time) == (ticket.content, ticket.resend_at)
    answer = await tickets.guess(ticket.key, ticket.code_mac, now=world.time)
    assert answer == (True, ticket.content)


async def test_a_ticket_does_not_stay_when_nobody_asks_for_it(
    valkeys: Services, world: FakeWorld
) -> None:
    async with opened(valkeys["valkey"]) as store:
        world.pass_time(hours=3)
        ticket = a_ticket(world)
        await ValkeyTickets(store.valkey).put(ticket, now=world.time)
        name = f"chronicle:ticket:{{{ticket.key.hex()}}}"
        left_ms = await store.valkey.ask("PTTL", name, key=name)
    assert 0 < left_ms <= 10 * 60 * 1000


async def test_a_missing_ticket_is_none(tickets: Tickets, world: FakeWorld) -> None:
    missing = a_ticket(world)
    assert await tickets.guess(missing.key, b"", now=world.time) is None
    assert await tickets.look(missing.key, now=world.time) is None
    times = {"now": world.time, "expires_at": missing.expires_at, "resend_at": missing.resend_at}
    assert await tickets.renew(missing.key, b"new", **times) is None
    await tickets.drop(missing.key)


async def test_a_code_is_renewed_only_after_its_time_and_guesses_stay_spent(
    tickets: Tickets, world: FakeWorld
) -> None:
    ticket = a_ticket(world, guesses=3)
    await tickets.put(ticket, now=world.time)
    await tickets.guess(ticket.key, b"wrong", now=world.time)

    async def renew() -> object:
        return await tickets.renew(
            ticket.key,
            b"new",
            now=world.time,
            expires_at=world.time + timedelta(minutes=10),
            resend_at=world.time + timedelta(seconds=60),
        )

    assert await tickets.look(ticket.key, now=world.time) == (ticket.content, ticket.resend_at)
    assert await renew() == ticket.resend_at
    world.pass_time(seconds=60)
    assert await renew() == ticket.content
    assert await tickets.guess(ticket.key, ticket.code_mac, now=world.time) == (
        False,
        ticket.content,
    )
    world.pass_time(minutes=9, seconds=59)
    assert await tickets.guess(ticket.key, b"new", now=world.time) == (True, ticket.content)
    assert await tickets.guess(ticket.key, b"new", now=world.time) is None


async def test_a_dropped_ticket_is_gone(tickets: Tickets, world: FakeWorld) -> None:
    ticket = a_ticket(world)
    await tickets.put(ticket, now=world.time)
    await tickets.drop(ticket.key)
    assert await tickets.guess(ticket.key, ticket.code_mac, now=world.time) is None


async def test_without_its_server_every_call_is_unavailable(
    tmp_path: Path, world: FakeWorld
) -> None:
    client = valkey.connect(f"unix://{tmp_path}/nobody.sock")
    tickets = ValkeyTickets(client)
    ticket = a_ticket(world)
    calls = [
        tickets.put(ticket, now=world.time),
        tickets.guess(ticket.key, b"", now=world.time),
        tickets.drop(ticket.key),
    ]
    for call in calls:
        with pytest.raises(Unavailable):
            await call
    assert not await client.is_up()
    await client.aclose()
