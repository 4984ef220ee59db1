"""What every accounts table promises."""

import asyncio
from dataclasses import replace

import pytest

from chronicle.errors import Conflict
from chronicle.ledger.ports import Placed
from chronicle.users.ports import AccountId, AccountRecord, Accounts, CredentialChange
from tests.fakes.world import FakeWorld


def an_account(world: FakeWorld, email_index: bytes = b"i" * 32) -> AccountRecord:
    now = world.time
    return AccountRecord(
        id=AccountId(world.world.new_id()),
        email=b"\x00sealed \xff\xfe",
        email_index=email_index,
        email_verified=True,
        password_hash=b"hash",
        name=b"name",
        locale=None,
        timezone=None,
        ledger_key=b"k" * 69,
        epoch=0,
        created_at=now,
        updated_at=now,
    )


async def test_an_account_comes_back_as_it_went_in(accounts: Accounts, world: FakeWorld) -> None:
    record = an_account(world)
    await accounts.add(record)
    assert await accounts.get(record.id) == record
    assert await accounts.find_by_email(record.email_index) == record


async def test_a_missing_account_is_none(accounts: Accounts, world: FakeWorld) -> None:
    assert await accounts.get(AccountId(world.world.new_id())) is None
    assert await accounts.find_by_email(b"?" * 32) is None


async def test_an_address_is_taken_once(accounts: Accounts, world: FakeWorld) -> None:
    first, second = an_account(world), an_account(world)
    await accounts.add(first)
    with pytest.raises(Conflict, match="email_taken"):
        await accounts.add(second)
    assert await accounts.get(second.id) is None


async def test_an_id_is_taken_once(accounts: Accounts, world: FakeWorld) -> None:
    first = an_account(world)
    await accounts.add(first)
    for again in (first, replace(first, email_index=b"j" * 32)):
        with pytest.raises(Conflict, match="account_exists"):
            await accounts.add(again)
    assert await accounts.get(first.id) == first


async def test_of_32_racing_for_one_address_one_wins(accounts: Accounts, world: FakeWorld) -> None:
    racers = [an_account(world) for _ in range(32)]
    results = await asyncio.gather(*map(accounts.add, racers), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert all(isinstance(result, Conflict) for result in results if result is not None)
    winner = racers[results.index(None)]
    assert await accounts.find_by_email(b"i" * 32) == winner


async def test_a_profile_is_saved_only_over_what_was_seen(
    accounts: Accounts, world: FakeWorld
) -> None:
    record = an_account(world)
    await accounts.add(record)
    world.pass_time(seconds=1)
    change = {"name": b"new", "locale": b"l", "timezone": None, "now": world.time}
    seen = record.updated_at
    assert await accounts.save_profile(record.id, **change, seen_updated_at=seen)
    assert not await accounts.save_profile(record.id, **change, seen_updated_at=seen)
    saved = replace(record, name=b"new", locale=b"l", updated_at=world.time)
    assert await accounts.get(record.id) == saved


async def test_a_better_hash_is_saved_only_while_the_epoch_stands(
    accounts: Accounts, world: FakeWorld
) -> None:
    record = an_account(world)
    await accounts.add(record)
    assert not await accounts.save_password_hash(record.id, seen_epoch=1, password_hash=b"no")
    assert await accounts.save_password_hash(record.id, seen_epoch=0, password_hash=b"yes")
    assert await accounts.get(record.id) == replace(record, password_hash=b"yes")


def a_change(world: FakeWorld) -> CredentialChange:
    return CredentialChange(
        id=world.world.new_id(),
        kind="password",
        created_at=world.time,
        entry=b"entry",
    )


async def test_a_password_changes_with_its_record_and_moves_the_epoch(
    accounts: Accounts, world: FakeWorld
) -> None:
    record = an_account(world)
    await accounts.add(record)
    world.pass_time(seconds=1)
    change = a_change(world)
    assert await accounts.change_password(
        record.id, seen_epoch=0, password_hash=b"new", change=change
    )
    after = await accounts.get(record.id)
    assert after == replace(record, password_hash=b"new", epoch=1, updated_at=world.time)
    (pending,) = await accounts.pending(due=world.time, limit=10)
    assert (pending.row_id, pending.entry) == (change.id, b"entry")
    await accounts.record_placed([Placed(change.id, 5)])
    assert not await accounts.pending(due=world.time, limit=10)


async def test_of_32_racing_changes_one_wins_and_one_is_recorded(
    accounts: Accounts, world: FakeWorld
) -> None:
    record = an_account(world)
    await accounts.add(record)
    changes = [a_change(world) for _ in range(32)]
    won = await asyncio.gather(
        *(
            accounts.change_password(record.id, seen_epoch=0, password_hash=c.id, change=c)
            for c in changes
        )
    )
    assert sum(won) == 1
    winner = changes[won.index(True)]
    after = await accounts.get(record.id)
    assert after is not None
    assert (after.password_hash, after.epoch) == (winner.id, 1)
    (pending,) = await accounts.pending(due=world.time, limit=10)
    assert pending.row_id == winner.id


async def test_the_epoch_is_raised_only_from_what_was_seen(
    accounts: Accounts, world: FakeWorld
) -> None:
    record = an_account(world)
    await accounts.add(record)
    assert await accounts.raise_epoch(record.id, seen_epoch=0)
    assert not await accounts.raise_epoch(record.id, seen_epoch=0)
    assert await accounts.get(record.id) == replace(record, epoch=1)
