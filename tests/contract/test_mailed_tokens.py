"""What every table of mailed tokens promises."""

import asyncio
from datetime import timedelta

import pytest

from chronicle.security.ports import MailedTokenRecord, MailedTokens
from chronicle.users.ports import AccountRecord, Accounts
from tests.contract.test_accounts import an_account
from tests.fakes.world import FakeWorld


@pytest.fixture
async def owner(accounts: Accounts, world: FakeWorld) -> AccountRecord:
    record = an_account(world)
    await accounts.add(record)
    return record


def a_token(world: FakeWorld, owner: AccountRecord) -> MailedTokenRecord:
    return MailedTokenRecord(
        world.world.random_bytes(32), "reset", owner.id, 3, world.time + timedelta(minutes=10)
    )


async def test_a_token_is_spent_by_one_of_32_racing_calls(
    mailed_tokens: MailedTokens, world: FakeWorld, owner: AccountRecord
) -> None:
    token = a_token(world, owner)
    await mailed_tokens.add(token)
    results = await asyncio.gather(
        *(mailed_tokens.spend(token.hash, purpose="reset", now=world.time) for _ in range(32))
    )
    assert [result for result in results if result is not None] == [token]


async def test_a_token_is_good_for_its_purpose_alone(
    mailed_tokens: MailedTokens, world: FakeWorld, owner: AccountRecord
) -> None:
    token = a_token(world, owner)
    await mailed_tokens.add(token)
    assert await mailed_tokens.spend(token.hash, purpose="unlock", now=world.time) is None
    assert await mailed_tokens.spend(b"?" * 32, purpose="reset", now=world.time) is None
    assert await mailed_tokens.spend(token.hash, purpose="reset", now=world.time) == token


async def test_a_token_is_found_for_as_long_as_it_could_be_spent_and_finding_spends_nothing(
    mailed_tokens: MailedTokens, world: FakeWorld, owner: AccountRecord
) -> None:
    token = a_token(world, owner)
    await mailed_tokens.add(token)
    for _ in range(2):
        assert await mailed_tokens.find(token.hash, purpose="reset", now=world.time) == token
    assert await mailed_tokens.find(token.hash, purpose="unlock", now=world.time) is None
    assert await mailed_tokens.find(b"?" * 32, purpose="reset", now=world.time) is None
    assert await mailed_tokens.find(token.hash, purpose="reset", now=token.expires_at) is None
    await mailed_tokens.spend(token.hash, purpose="reset", now=world.time)
    assert await mailed_tokens.find(token.hash, purpose="reset", now=world.time) is None


async def test_an_expired_token_is_good_for_nothing_and_is_forgotten(
    mailed_tokens: MailedTokens, world: FakeWorld, owner: AccountRecord
) -> None:
    token = a_token(world, owner)
    await mailed_tokens.add(token)
    later = token.expires_at
    assert await mailed_tokens.spend(token.hash, purpose="reset", now=later) is None
    assert await mailed_tokens.forget(before=later) == 0
    assert await mailed_tokens.forget(before=later + timedelta(seconds=1)) == 1


async def test_a_claim_is_granted_once(
    mailed_tokens: MailedTokens, world: FakeWorld, owner: AccountRecord
) -> None:
    token = a_token(world, owner)
    claims = await asyncio.gather(*(mailed_tokens.claim(token, now=world.time) for _ in range(32)))
    assert sum(claims) == 1
    assert await mailed_tokens.spend(token.hash, purpose="reset", now=world.time) is None
