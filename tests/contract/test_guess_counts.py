"""What every table of guesses promises."""

import asyncio
from datetime import timedelta

import pytest

from chronicle.security.guesses import LockRule
from chronicle.security.ports import GuessCounts
from tests.databases import OpenDatabase
from tests.fakes.world import FakeWorld

RULE = LockRule(
    every=3,
    lengths=(timedelta(minutes=1), timedelta(minutes=5)),
    forgotten_after=timedelta(hours=1),
)


@pytest.fixture
def counts(database: OpenDatabase) -> GuessCounts:
    return database.tables.guess_counts


async def count(counts: GuessCounts, world: FakeWorld, subject: bytes = b"ada") -> bool:
    allowed, _ = await counts.count("password", subject, rule=RULE, now=world.time)
    return allowed


async def test_guesses_are_counted_until_the_rule_says_no(
    counts: GuessCounts, world: FakeWorld
) -> None:
    answers = [await counts.count("password", b"ada", rule=RULE, now=world.time) for _ in range(5)]
    assert [allowed for allowed, _ in answers] == [True, True, True, False, False]
    assert [stands.failures for _, stands in answers] == [1, 2, 3, 3, 3]
    until = world.time + timedelta(minutes=1)
    assert [stands.locked_until for _, stands in answers] == [None, None, until, until, until]


async def test_subjects_and_purposes_are_counted_apart(
    counts: GuessCounts, world: FakeWorld
) -> None:
    for _ in range(4):
        await count(counts, world)
    assert await count(counts, world, b"bob")
    assert (await counts.count("code", b"ada", rule=RULE, now=world.time))[0]


async def test_of_64_racing_guesses_from_two_processes_no_more_than_the_rule_lets_count(
    counts: GuessCounts, world: FakeWorld, database: OpenDatabase
) -> None:
    other = (await database.elsewhere()).guess_counts
    allowed = await asyncio.gather(
        *(count(each, world) for each in (counts, other) for _ in range(32))
    )
    assert sum(allowed) == 3


async def test_a_count_survives_a_restart(
    counts: GuessCounts, world: FakeWorld, database: OpenDatabase
) -> None:
    for _ in range(3):
        await count(counts, world)
    restarted = (await database.elsewhere()).guess_counts
    assert not await count(restarted, world)


async def test_a_cleared_count_begins_anew(counts: GuessCounts, world: FakeWorld) -> None:
    for _ in range(3):
        await count(counts, world)
    await counts.clear("password", b"ada")
    await counts.clear("password", b"nobody")
    assert [await count(counts, world) for _ in range(4)] == [True, True, True, False]


async def test_a_guess_given_back_takes_its_lock_with_it(
    counts: GuessCounts, world: FakeWorld
) -> None:
    for _ in range(3):
        await count(counts, world)
    await counts.give_back("password", b"ada", rule=RULE)
    assert [await count(counts, world) for _ in range(2)] == [True, False]
    for _ in range(5):
        await counts.give_back("password", b"ada", rule=RULE)
    assert [await count(counts, world) for _ in range(4)] == [True, True, True, False]


async def test_old_counts_are_forgotten(counts: GuessCounts, world: FakeWorld) -> None:
    await count(counts, world)
    world.pass_time(minutes=30)
    await count(counts, world, b"bob")
    assert await counts.forget(before=world.time) == 1
    _, stands = await counts.count("password", b"bob", rule=RULE, now=world.time)
    assert stands.failures == 2
