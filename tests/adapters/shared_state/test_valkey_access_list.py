"""The access list that docs/valkey.md gives for a user is enough, and opens nothing else."""

import contextlib
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chronicle.adapters.shared_state.valkey import connect
from chronicle.adapters.shared_state.valkey_limits import ValkeyLimiter
from chronicle.adapters.shared_state.valkey_locks import ValkeyLocks
from chronicle.adapters.shared_state.valkey_tickets import ValkeyTickets
from chronicle.auth.ports import Ticket
from chronicle.errors import Unavailable
from chronicle.security.limits import Limit, Window
from chronicle.world import World
from tests.services.valkey import Alone, running

PAGE = Path(__file__).parents[3] / "docs" / "valkey.md"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    with running("valkey", tmp_path / "valkey") as service:
        yield service


async def test_a_user_with_the_documented_rights_can_do_all_that_is_needed(alone: Alone) -> None:
    rights = re.search(r"`(\+@read [^`]+)`", PAGE.read_text(encoding="utf-8"))
    assert rights
    with contextlib.closing(alone.raw()) as raw:
        raw.execute_command("ACL", "SETUSER", "chronicle", "on", ">pw", *rights[1].split())
    client = connect(f"redis://chronicle:pw@127.0.0.1:{alone.server.port}")
    now = World().now()
    later = now + timedelta(minutes=1)
    ticket = Ticket(b"key", b"content", b"mac", 5, expires_at=later, resend_at=now)
    try:
        assert await client.is_up()
        with contextlib.closing(alone.raw()) as raw:
            raw.config_set("maxmemory-policy", "allkeys-lru")
        assert len(await client.evicting()) == 1
        limits = (Limit("a:60", "a", Window(1, 60)), Limit("a:90", "a", Window(2, 90)))
        assert (await ValkeyLimiter(client).spend("a", limits)).granted
        tickets = ValkeyTickets(client)
        await tickets.put(ticket, now=now)
        assert await tickets.look(b"key", now=now) == (b"content", pytest.approx(now, abs=SECOND))
        assert await tickets.guess(b"key", b"mac", now=now) == (True, b"content")
        renewed = await tickets.renew(b"key", b"mac", now=now, expires_at=later, resend_at=later)
        assert renewed == b"content"
        await tickets.drop(b"key")
        locks = ValkeyLocks(client, World())
        held = await locks.acquire("a", lifetime=timedelta(minutes=1))
        assert held is not None
        assert await locks.renew(held, lifetime=timedelta(minutes=1))
        assert await locks.release(held)
        with pytest.raises(Unavailable):
            await client.ask("GET", "others", key="others")
    finally:
        await client.aclose()


SECOND = timedelta(seconds=1)
