"""What every accounts table promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from chronicle.errors import Conflict
from chronicle.ledger.ports import Placed
from chronicle.users.ports import (
    AccountId,
    AccountRecord,
    Accounts,
    AddressChange,
    CredentialChange,
)
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


def another_address(
    world: FakeWorld, email_index: bytes, *, drops_password: bool = False, entries: int = 1
) -> AddressChange:
    return AddressChange(
        email=b"\x00another \xff",
        email_index=email_index,
        former_emails=b"\x01former \xfe",
        former_until=world.time + timedelta(days=7),
        drops_password=drops_password,
        changes=tuple(a_change(world) for _ in range(entries)),
        now=world.time,
    )


@pytest.mark.parametrize("proves", [True, False])
async def test_a_password_that_was_set_by_mail_verifies_the_address_in_the_same_write(
    accounts: Accounts, world: FakeWorld, proves: bool
) -> None:
    record = replace(an_account(world), email_verified=False)
    await accounts.add(record)
    assert await accounts.change_password(
        record.id,
        seen_epoch=0,
        password_hash=None,
        change=a_change(world),
        proves_address=proves,
    )
    after = await accounts.get(record.id)
    assert after is not None
    assert (after.email_verified, after.password_hash, after.epoch) == (proves, None, 1)
    assert await accounts.change_password(
        record.id, seen_epoch=1, password_hash=b"new", change=a_change(world)
    )
    later = await accounts.get(record.id)
    assert later is not None
    assert later.email_verified is proves


async def test_an_address_is_verified_in_the_epoch_that_was_seen(
    accounts: Accounts, world: FakeWorld
) -> None:
    record = replace(an_account(world), email_verified=False)
    await accounts.add(record)
    world.pass_time(seconds=1)
    assert not await accounts.verify_email(record.id, seen_epoch=1, now=world.time)
    assert await accounts.get(record.id) == record
    for _ in range(2):
        assert await accounts.verify_email(record.id, seen_epoch=0, now=world.time)
    verified = replace(record, email_verified=True, updated_at=world.time)
    assert await accounts.get(record.id) == verified


@pytest.mark.parametrize("drops_password", [True, False])
async def test_an_address_changes_with_its_records_and_moves_the_epoch(
    accounts: Accounts, world: FakeWorld, drops_password: bool
) -> None:
    record = replace(an_account(world), email_verified=False)
    await accounts.add(record)
    world.pass_time(seconds=1)
    change = another_address(world, b"j" * 32, drops_password=drops_password, entries=2)
    assert not await accounts.change_email(record.id, change, seen_epoch=1)
    assert await accounts.get(record.id) == record
    assert await accounts.change_email(record.id, change, seen_epoch=0)
    after = replace(
        record,
        email=change.email,
        email_index=change.email_index,
        email_verified=True,
        former_emails=change.former_emails,
        password_hash=None if drops_password else record.password_hash,
        epoch=1,
        updated_at=world.time,
    )
    assert await accounts.get(record.id) == after
    assert await accounts.find_by_email(change.email_index) == after
    assert await accounts.find_by_email(record.email_index) is None
    pending = await accounts.pending(due=world.time, limit=10)
    assert {one.row_id for one in pending} == {one.id for one in change.changes}


async def test_an_address_that_another_account_has_is_not_taken_from_it(
    accounts: Accounts, world: FakeWorld
) -> None:
    mine, other = an_account(world), an_account(world, b"j" * 32)
    await accounts.add(mine)
    await accounts.add(other)
    with pytest.raises(Conflict, match="email_taken"):
        await accounts.change_email(mine.id, another_address(world, b"j" * 32), seen_epoch=0)
    assert await accounts.get(mine.id) == mine
    assert not await accounts.pending(due=world.time, limit=10)


async def test_an_address_may_change_to_another_spelling_of_itself(
    accounts: Accounts, world: FakeWorld
) -> None:
    record = an_account(world)
    await accounts.add(record)
    same = another_address(world, record.email_index)
    assert await accounts.change_email(record.id, same, seen_epoch=0)


async def test_of_32_racing_changes_of_an_address_one_wins_and_one_is_recorded(
    accounts: Accounts, world: FakeWorld
) -> None:
    record = an_account(world)
    await accounts.add(record)
    changes = [another_address(world, bytes([n]) * 32) for n in range(32)]
    won = await asyncio.gather(
        *(accounts.change_email(record.id, change, seen_epoch=0) for change in changes)
    )
    assert sum(won) == 1
    winner = changes[won.index(True)]
    after = await accounts.get(record.id)
    assert after is not None
    assert (after.email_index, after.epoch) == (winner.email_index, 1)
    (pending,) = await accounts.pending(due=world.time, limit=10)
    assert pending.row_id == winner.changes[0].id


async def test_of_32_accounts_that_race_to_one_address_one_gets_it(
    accounts: Accounts, world: FakeWorld
) -> None:
    racers = [an_account(world, bytes([n]) * 32) for n in range(32)]
    for racer in racers:
        await accounts.add(racer)
    results = await asyncio.gather(
        *(
            accounts.change_email(racer.id, another_address(world, b"z" * 32), seen_epoch=0)
            for racer in racers
        ),
        return_exceptions=True,
    )
    assert results.count(True) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 31
    holder = await accounts.find_by_email(b"z" * 32)
    assert holder is not None
    assert holder.id == racers[results.index(True)].id


async def test_an_address_is_taken_from_an_account_only_while_it_is_unverified(
    accounts: Accounts, world: FakeWorld
) -> None:
    record = replace(an_account(world), email_verified=False)
    await accounts.add(record)
    nothing = {"email": b"none", "email_index": b"n" * 32}
    assert not await accounts.release_email(record.id, seen_epoch=1, **nothing)
    await accounts.verify_email(record.id, seen_epoch=0, now=world.time)
    assert not await accounts.release_email(record.id, seen_epoch=0, **nothing)
    other = replace(an_account(world, b"o" * 32), email_verified=False)
    await accounts.add(other)
    assert await accounts.release_email(other.id, seen_epoch=0, **nothing)
    assert not await accounts.release_email(other.id, seen_epoch=0, **nothing)
    released = replace(other, email=b"none", email_index=b"n" * 32, password_hash=None, epoch=1)
    assert await accounts.get(other.id) == released
    assert await accounts.find_by_email(b"o" * 32) is None


async def test_former_addresses_are_forgotten_once_they_are_of_no_use(
    accounts: Accounts, world: FakeWorld
) -> None:
    record, other = an_account(world), an_account(world, b"o" * 32)
    await accounts.add(record)
    await accounts.add(other)
    change = another_address(world, b"j" * 32)
    assert await accounts.change_email(record.id, change, seen_epoch=0)
    until = world.time + timedelta(days=7)
    assert await accounts.forget_former_emails(before=until) == 0
    changed = await accounts.get(record.id)
    assert changed is not None
    assert await accounts.forget_former_emails(before=until + timedelta(microseconds=1)) == 1
    assert await accounts.get(record.id) == replace(changed, former_emails=None)
    assert await accounts.forget_former_emails(before=until + timedelta(days=1)) == 0
