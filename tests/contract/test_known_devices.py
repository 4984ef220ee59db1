"""What every table of known devices promises."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chronicle.security.ports import DeviceUse, KnownDeviceRecord, KnownDevices
from chronicle.users.ports import AccountId, AccountRecord, Accounts
from tests.databases import OpenDatabase
from tests.fakes.world import FakeWorld


@pytest.fixture
def devices(database: OpenDatabase) -> KnownDevices:
    return database.tables.known_devices


@pytest.fixture
async def account_id(accounts: Accounts, world: FakeWorld) -> bytes:
    return await an_account(accounts, world)


async def an_account(accounts: Accounts, world: FakeWorld) -> bytes:
    account_id = AccountId(world.world.new_id())
    await accounts.add(
        AccountRecord(
            id=account_id,
            email=b"sealed",
            email_index=world.world.random_bytes(32),
            email_verified=True,
            password_hash=None,
            name=None,
            locale=None,
            timezone=None,
            ledger_key=b"sealed",
            epoch=0,
            created_at=world.time,
            updated_at=world.time,
        )
    )
    return account_id


def a_device(account_id: bytes, world: FakeWorld) -> KnownDeviceRecord:
    return KnownDeviceRecord(
        id=world.world.new_id(),
        account_id=account_id,
        epoch=3,
        token_hash=world.world.random_bytes(32),
        visitor=b"sealed \x00\xff",
        created_at=world.time,
        last_used_at=world.time,
        expires_at=world.time + timedelta(days=365),
    )


async def test_a_device_is_found_by_its_token_until_it_expires(
    devices: KnownDevices, account_id: bytes, world: FakeWorld
) -> None:
    device = a_device(account_id, world)
    await devices.add(device, keep=50)
    assert await devices.find(device.token_hash, now=world.time) == device
    assert await devices.find(b"another", now=world.time) is None
    assert await devices.find(device.token_hash, now=device.expires_at) is None


async def test_a_device_that_is_used_again_lives_longer(
    devices: KnownDevices, account_id: bytes, world: FakeWorld
) -> None:
    device = a_device(account_id, world)
    await devices.add(device, keep=50)
    world.pass_time(days=300)
    later = world.time + timedelta(days=365)
    assert await devices.touch(DeviceUse(device.id, b"new", world.time, later))
    expected = replace(device, visitor=b"new", last_used_at=world.time, expires_at=later)
    assert await devices.find(device.token_hash, now=world.time) == expected
    assert not await devices.touch(DeviceUse(b"gone", b"", world.time, later))


async def test_the_least_used_beyond_what_is_kept_are_dropped(
    devices: KnownDevices, account_id: bytes, accounts: Accounts, world: FakeWorld
) -> None:
    others = a_device(await an_account(accounts, world), world)
    await devices.add(others, keep=2)
    first, second, third = (a_device(account_id, world) for _ in range(3))
    await devices.add(first, keep=2)
    world.pass_time(days=1)
    await devices.add(replace(second, last_used_at=world.time), keep=2)
    world.pass_time(days=1)
    await devices.touch(DeviceUse(first.id, b"", world.time, first.expires_at))
    await devices.add(replace(third, last_used_at=world.time), keep=2)
    left = await devices.of_account(account_id, now=world.time)
    assert [device.id for device in left] == [third.id, first.id]
    assert await devices.find(others.token_hash, now=world.time) is not None


async def test_devices_are_carried_over_from_one_epoch_to_another(
    devices: KnownDevices, account_id: bytes, accounts: Accounts, world: FakeWorld
) -> None:
    kept, also, void = (a_device(account_id, world) for _ in range(3))
    void = replace(void, epoch=2)
    others = a_device(await an_account(accounts, world), world)
    for device in (kept, also, void, others):
        await devices.add(device, keep=50)

    async def epochs() -> list[int]:
        found = [
            await devices.find(one.token_hash, now=world.time) for one in (kept, also, void, others)
        ]
        return [one.epoch for one in found if one is not None]

    for _ in range(2):
        await devices.carry_over(account_id, seen_epoch=3, epoch=4)
        assert await epochs() == [4, 4, 2, 3]
    await devices.carry_over(account_id, seen_epoch=4, epoch=5, only=also.id)
    assert await epochs() == [4, 5, 2, 3]


async def test_a_device_is_revoked_by_its_account_alone(
    devices: KnownDevices, account_id: bytes, accounts: Accounts, world: FakeWorld
) -> None:
    device = a_device(account_id, world)
    await devices.add(device, keep=50)
    assert not await devices.revoke(await an_account(accounts, world), device.id)
    assert await devices.revoke(account_id, device.id)
    assert not await devices.revoke(account_id, device.id)
    assert await devices.find(device.token_hash, now=world.time) is None


async def test_expired_devices_are_forgotten(
    devices: KnownDevices, account_id: bytes, world: FakeWorld
) -> None:
    device = a_device(account_id, world)
    await devices.add(device, keep=50)
    assert await devices.forget(before=world.time) == 0
    world.pass_time(days=366)
    assert await devices.of_account(account_id, now=world.time) == []
    assert await devices.forget(before=world.time) == 1
