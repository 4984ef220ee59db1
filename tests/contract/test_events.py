"""What every events table promises."""

from dataclasses import replace
from datetime import timedelta

from chronicle.ledger.ports import Placed
from chronicle.security.ports import EventRecord, Events
from tests.fakes.world import FakeWorld

ADA = b"a" * 16


def an_event(world: FakeWorld, account_id: bytes | None = ADA) -> EventRecord:
    return EventRecord(
        id=world.world.new_id(),
        account_id=account_id,
        subject_index=b"s" * 32,
        kind="sign_in",
        method="pwd",
        outcome="refused",
        reason="invalid_credentials",
        session_id=None,
        visitor=b"sealed \x00\xff",
        address_index=b"x" * 32,
        created_at=world.time,
        entry=None,
        entry_due_at=None,
        entry_index=None,
    )


def a_granted(world: FakeWorld) -> EventRecord:
    due = world.time + timedelta(seconds=1)
    return replace(an_event(world), outcome="granted", entry=b"entry", entry_due_at=due)


async def test_an_account_sees_its_own_events_newest_first(
    events: Events, world: FakeWorld
) -> None:
    added = []
    for _ in range(5):
        world.pass_time(milliseconds=2)
        added.append(an_event(world))
        await events.add(added[-1])
        await events.add(an_event(world, b"b" * 16))
        await events.add(an_event(world, None))
    first = await events.page(ADA, before=None, limit=2)
    rest = await events.page(ADA, before=first[-1].id, limit=10)
    assert [*first, *rest] == added[::-1]


async def test_a_granted_sign_in_waits_for_its_time_and_is_placed_once(
    events: Events, world: FakeWorld
) -> None:
    granted = a_granted(world)
    await events.add(granted)
    await events.add(an_event(world))
    assert not await events.pending(due=world.time, limit=10)
    due = world.time + timedelta(seconds=1)
    (pending,) = await events.pending(due=due, limit=10)
    assert (pending.row_id, pending.entry) == (granted.id, b"entry")
    await events.record_placed([Placed(granted.id, 7)])
    await events.record_placed([Placed(granted.id, 8)])
    assert not await events.pending(due=due, limit=10)
    newest = {event.id: event for event in await events.page(ADA, before=None, limit=10)}
    assert newest[granted.id].entry_index == 7


async def test_what_was_granted_is_found_behind_any_number_of_refusals(
    events: Events, world: FakeWorld
) -> None:
    added = []
    for _ in range(3):
        world.pass_time(milliseconds=2)
        added.append(a_granted(world))
        await events.add(added[-1])
        await events.add(an_event(world))
        await events.add(replace(a_granted(world), account_id=b"b" * 16))
    found = await events.granted(ADA, limit=2)
    assert [event.id for event in found] == [added[2].id, added[1].id]


async def test_old_events_are_forgotten_unless_the_ledger_still_waits_for_them(
    events: Events, world: FakeWorld
) -> None:
    waiting, placed, refused = a_granted(world), a_granted(world), an_event(world)
    for event in (waiting, placed, refused):
        await events.add(event)
    await events.record_placed([Placed(placed.id, 0)])
    world.pass_time(days=1)
    fresh = an_event(world)
    await events.add(fresh)
    assert await events.forget(before=world.time) == 2
    left = [event.id for event in await events.page(ADA, before=None, limit=10)]
    assert left == [fresh.id, waiting.id]
