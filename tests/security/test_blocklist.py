import asyncio
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from chronicle.adapters.database.sqlite.blocks import SqliteBlocks
from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.migrate import migrate
from chronicle.errors import Rejected
from chronicle.security.blocklist import Blocklist, read_network
from chronicle.security.encryption import BlindIndex, FieldCipher
from tests.fakes.world import FakeWorld, keyring


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    migrate(tmp_path / "chronicle.sqlite")
    engine = Engine(tmp_path / "chronicle.sqlite")
    yield engine
    engine.close()


def a_process(engine: Engine, world: FakeWorld) -> Blocklist:
    keys = keyring()
    return Blocklist(SqliteBlocks(engine), FieldCipher(keys), BlindIndex(keys), world.world)


@pytest.fixture
def blocklist(engine: Engine, world: FakeWorld) -> Blocklist:
    return a_process(engine, world)


async def test_an_address_is_blocked_in_every_spelling(blocklist: Blocklist) -> None:
    await blocklist.add("192.0.2.7", "scans", None)
    await blocklist.add("::ffff:198.51.100.0/120", "mapped", None)
    await blocklist.add("2001:db8:1::/48", "spam", None)
    for address in (
        *("192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207", "198.51.100.255"),
        *("2001:db8:1::", "2001:db8:1:ffff::1%eth0", "2001:0DB8:0001:0::1"),
    ):
        assert blocklist.holds(address), address
    for address in ("192.0.2.8", "2001:db8:2::1", "198.51.101.0", "::c000:207", "unknown", ""):
        assert not blocklist.holds(address), address


async def test_other_processes_follow_and_a_restart_keeps_it(
    blocklist: Blocklist, engine: Engine, world: FakeWorld
) -> None:
    other = a_process(engine, world)
    await other.refresh()
    await blocklist.add("192.0.2.0/24", "scans", None)
    assert not other.holds("192.0.2.7")
    await other.refresh()
    assert other.holds("192.0.2.7")
    assert await blocklist.remove("192.0.2.0/24")
    assert not blocklist.holds("192.0.2.7")
    await other.refresh()
    assert not other.holds("192.0.2.7")


async def test_a_block_ends_when_it_expires_without_anybody_looking(
    blocklist: Blocklist, world: FakeWorld
) -> None:
    await blocklist.add("192.0.2.7", "scans", timedelta(hours=1))
    await blocklist.add("192.0.2.8", "scans", None)
    world.pass_time(hours=1, microseconds=-1)
    assert blocklist.holds("192.0.2.7")
    world.pass_time(microseconds=1)
    assert not blocklist.holds("192.0.2.7")
    assert [str(block.network) for block in await blocklist.listed()] == ["192.0.2.8/32"]
    assert await blocklist.forget_old() == 0
    world.pass_time(microseconds=1)
    assert await blocklist.forget_old() == 1
    assert blocklist.holds("192.0.2.8")


async def test_blocking_again_changes_the_reason_and_the_end(
    blocklist: Blocklist, world: FakeWorld
) -> None:
    await blocklist.add("192.0.2.7", "first", timedelta(hours=1))
    await blocklist.add(" 192.0.2.7/32 ", "second", None)
    (block,) = await blocklist.listed()
    assert (block.reason, block.expires_at) == ("second", None)
    world.pass_time(hours=2)
    assert blocklist.holds("192.0.2.7")


async def test_a_part_of_a_blocked_network_is_not_let_in(blocklist: Blocklist) -> None:
    await blocklist.add("192.0.2.0/24", "scans", None)
    assert not await blocklist.remove("192.0.2.7")
    assert blocklist.holds("192.0.2.7")


async def test_no_address_or_reason_stands_in_the_database_in_plain_text(
    blocklist: Blocklist, engine: Engine, tmp_path: Path
) -> None:
    await blocklist.add("192.0.2.77", "canary in a mine", None)
    contents = await asyncio.to_thread(lambda: [each.read_bytes() for each in tmp_path.iterdir()])
    for content in contents:
        assert b"192.0.2.77" not in content
        assert b"canary" not in content


@pytest.mark.parametrize("network", ["", "x", "192.0.2.0/33", "0.0.0.0/0", "::/0", "1.2.3", "-1"])
async def test_what_is_no_network_or_everything_is_refused(
    blocklist: Blocklist, network: str
) -> None:
    with pytest.raises(Rejected):
        await blocklist.add(network, "scans", None)
    assert await blocklist.listed() == []


@pytest.mark.parametrize("reason", ["", "x" * 501])
async def test_a_block_has_a_reason(blocklist: Blocklist, reason: str) -> None:
    with pytest.raises(Rejected):
        await blocklist.add("192.0.2.7", reason, None)


def test_a_network_is_read_whatever_host_bits_it_has() -> None:
    assert read_network("192.0.2.7/24") == ip_network("192.0.2.0/24")
    assert read_network("::ffff:192.0.2.7") == ip_network("192.0.2.7/32")
