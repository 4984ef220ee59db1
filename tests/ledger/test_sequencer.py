import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from chronicle.errors import Unavailable
from chronicle.ledger.failures import DatabaseBehind
from chronicle.ledger.ports import PendingEntry, TreeHead
from chronicle.ledger.sequencer import Pace, Sequencer
from tests.fakes.faults import Crashed, Fault, Faults
from tests.fakes.ledger import NOW, World, make_entry

AT_ONCE = Pace(
    gather_seconds=0, poll_seconds=3600, first_backoff_seconds=0, longest_backoff_seconds=0
)
PATIENT = 30.0


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop run on until something holds."""
    while not holds():  # noqa: ASYNC110 - the state of the loop is what is looked at
        await asyncio.sleep(0)


async def test_entries_get_indices_in_the_order_of_their_rows():
    world = World()
    rows = world.add(3)
    assert await world.process().append_batch() == 3
    assert [world.sources[0].rows[row].entry_index for row in rows] == [0, 1, 2]
    await world.check()


async def test_nothing_is_written_when_nothing_is_due():
    world = World()
    sequencer = world.process()
    await sequencer.start()
    before = dict(world.tiles.blobs)
    world.add(1, due=NOW + timedelta(seconds=1))
    assert await sequencer.append_batch() == 0
    assert world.tiles.blobs == before
    assert sequencer.head == TreeHead(0, world.checkpoints.history[0].head.root)


async def test_an_entry_follows_when_it_is_due():
    world, now = World(), [NOW]
    sequencer = world.process(clock=lambda: now[0])
    world.add(1, due=NOW + timedelta(seconds=1))
    assert await sequencer.append_batch() == 0
    now[0] += timedelta(seconds=1)
    assert await sequencer.append_batch() == 1


async def test_every_table_has_its_share_of_a_batch():
    world = World()
    world.add(20)
    urgent = world.add(1, source=1)
    await world.process(pace=Pace(batch_entries=4)).append_batch()
    assert world.sources[1].rows[urgent[0]].entry_index is not None


@pytest.mark.parametrize("pace", [Pace(batch_entries=5), Pace(batch_bytes=66 * 5)])
async def test_a_batch_has_its_bounds(pace: Pace):
    world = World()
    world.sources.pop()
    world.add(12)
    sequencer = world.process(pace=pace)
    assert [await sequencer.append_batch() for _ in range(4)] == [5, 5, 2, 0]
    await world.check()


async def test_an_entry_in_two_rows_is_placed_once_and_both_learn_its_index():
    world = World()
    first, second = world.add(2)
    world.sources[0].rows[second].entry = world.sources[0].rows[first].entry
    await world.process().append_batch()
    assert {row.entry_index for row in world.sources[0].rows.values()} == {0}
    await world.check()


async def test_an_entry_that_was_just_placed_is_not_placed_again():
    world = World()
    (first,) = world.add(1)
    sequencer = world.process()
    await sequencer.append_batch()
    # As a lagging replica would show it: placed, and still pending.
    world.sources[1].add(b"copy" * 4, world.sources[0].rows[first].entry, NOW)
    assert await sequencer.append_batch() == 0
    assert world.sources[1].rows[b"copy" * 4].entry_index == 0
    await world.check()


async def test_a_row_that_a_table_shows_twice_is_placed_once():
    world = World()
    (row,) = world.add(1)
    source = world.sources[0]
    pending = source.pending

    class Twice(type(source)):  # type: ignore[misc]
        async def pending(self, **kind: object) -> list[PendingEntry]:
            return [*await pending(**kind)] * 2  # type: ignore[arg-type]

        def as_seen_by(self, faults: Faults) -> "Twice":
            return self

    world.sources[0] = Twice(source.name, source.faults, source.rows)
    assert await world.process().append_batch() == 1
    assert source.rows[row].entry_index == 0


async def test_a_row_without_a_real_entry_is_left_out_and_reported(
    caplog: pytest.LogCaptureFixture,
):
    world = World()
    bad, _ = world.add(2)
    world.sources[0].rows[bad].entry = b"no entry"
    assert await world.process().append_batch() == 1
    assert world.sources[0].rows[bad].entry_index is None
    assert bad.hex() in caplog.text


async def test_a_row_without_a_real_entry_is_reported_once_and_not_at_each_poll(
    caplog: pytest.LogCaptureFixture,
):
    world = World()
    bad, worse = world.add(2)
    world.sources[0].rows[bad].entry = b"no entry"
    sequencer = world.process()
    for _ in range(3):
        await sequencer.append_batch()
    world.add(1)
    world.sources[1].add(b"more" * 4, b"no entry either", NOW)
    await sequencer.append_batch()
    reported = [message for message in caplog.messages if "holds no entry" in message]
    assert len(reported) == 2
    assert bad.hex() in reported[0]
    assert (b"more" * 4).hex() in reported[1]
    assert world.sources[0].rows[worse].entry_index == 0


async def test_another_writer_who_was_faster_is_followed():
    world = World()
    slow, fast = world.process(), world.process()
    await slow.start()
    world.add(3)
    await fast.append_batch()
    world.add(2)
    assert await slow.append_batch() == 0
    assert await slow.append_batch() == 2
    await world.check()


async def test_an_idle_writer_notices_what_another_published():
    world = World()
    slow, fast = world.process(), world.process()
    await slow.start()
    world.add(3)
    await fast.append_batch()
    assert await slow.append_batch() == 0
    assert slow.head is None
    await slow.append_batch()
    assert slow.head == fast.head


async def test_an_older_checkpoint_that_was_published_late_does_not_stay():
    world = World()
    sequencer = world.process()
    await sequencer.start()
    old = world.tiles.blobs["checkpoint"]
    world.add(1)
    await sequencer.append_batch()
    world.tiles.blobs["checkpoint"] = old
    await sequencer.append_batch()
    await sequencer.append_batch()
    await world.check()


async def running(sequencer: Sequencer) -> asyncio.Task[None]:
    await sequencer.start()
    return asyncio.create_task(sequencer.run())


async def test_a_waiter_hears_the_index_when_the_world_can_see_it():
    world = World()
    sequencer = world.process(pace=AT_ONCE)
    loop = await running(sequencer)
    (row,) = world.add(1)
    assert await sequencer.wait_for("uploads", row, PATIENT) == 0
    assert world.tiles.blobs["checkpoint"] == world.checkpoints.history[-1].note
    assert world.sources[0].rows[row].entry_index == 0
    await sequencer.stop()
    await loop


async def test_a_waiter_who_comes_late_hears_the_index_too():
    world = World()
    sequencer = world.process()
    (row,) = world.add(1)
    await sequencer.append_batch()
    assert await sequencer.wait_for("uploads", row, 0) == 0


async def test_a_waiter_who_waits_before_the_row_is_there_hears_of_it():
    world = World()
    sequencer = world.process(pace=AT_ONCE)
    loop = await running(sequencer)
    waiting = asyncio.create_task(sequencer.wait_for("uploads", (0).to_bytes(16, "big"), PATIENT))
    await until(lambda: bool(sequencer._placements._waiting))
    world.add(1)
    sequencer.wake()
    assert await waiting == 0
    await sequencer.stop()
    await loop


async def test_many_waiters_each_hear_their_own_index():
    world = World()
    sequencer = world.process(pace=AT_ONCE)
    loop = await running(sequencer)

    async def one() -> tuple[bytes, int | None]:
        (row,) = world.add(1)
        return row, await sequencer.wait_for("uploads", row, PATIENT)

    for row, index in await asyncio.gather(*(one() for _ in range(50))):
        assert world.sources[0].rows[row].entry_index == index
    await sequencer.stop()
    await loop
    await world.check()


async def test_a_waiter_gives_up_in_time_and_leaves_nothing_behind():
    sequencer = World().process()
    assert await sequencer.wait_for("uploads", b"x" * 16, 0) is None
    assert not sequencer._placements._waiting


async def test_rows_of_another_table_with_the_same_id_are_others():
    world = World()
    (row,) = world.add(1)
    sequencer = world.process()
    await sequencer.append_batch()
    assert await sequencer.wait_for("sessions", row, 0) is None


async def test_what_is_due_is_appended_before_the_loop_ends():
    world = World()
    sequencer = world.process(pace=AT_ONCE)
    loop = await running(sequencer)
    world.add(5)
    await sequencer.stop()
    await loop
    await world.check()


async def test_a_waiter_is_not_left_waiting_when_the_loop_ends():
    world = World()
    sequencer = world.process(pace=AT_ONCE)
    loop = await running(sequencer)
    waiting = asyncio.create_task(sequencer.wait_for("uploads", b"x" * 16, PATIENT))
    await until(lambda: bool(sequencer._placements._waiting))
    await sequencer.stop()
    await loop
    assert await waiting is None


async def test_stopping_what_never_ran_returns():
    await World().process().stop()


@pytest.mark.parametrize(
    "broken",
    [
        "write checkpoint",
        "checkpoints.advance",
        "uploads.record_placed",
        "uploads.pending",
        "write tile/0/000.p/1",
    ],
)
@pytest.mark.parametrize("fault", [Fault.FAILS, Fault.FAILS_AFTER_IT_PERSISTED])
async def test_the_loop_outlives_a_part_that_fails_for_a_while(broken: str, fault: Fault):
    world, faults = World(), Faults()
    sequencer = world.process(faults, pace=AT_ONCE)
    loop = await running(sequencer)
    faults.named[broken] = fault
    (row,) = world.add(1)
    waiting = asyncio.create_task(sequencer.wait_for("uploads", row, PATIENT))
    await until(lambda: faults.steps.count(broken) >= 3 or waiting.done())
    if not waiting.done():
        assert isinstance(sequencer.trouble, Unavailable)
    faults.named.clear()
    assert await waiting == 0
    await sequencer.stop()
    await loop
    assert sequencer.trouble is None
    await world.check()


async def test_the_loop_does_not_go_on_over_a_restored_backup():
    world = World()
    world.add(1)
    first = world.process()
    await first.append_batch()
    sequencer = world.process(pace=AT_ONCE)
    loop = await running(sequencer)
    committed = world.checkpoints.history.pop()
    world.add(1)
    sequencer.wake()
    await until(lambda: isinstance(sequencer.trouble, DatabaseBehind))
    assert committed.note == world.tiles.blobs["checkpoint"]
    world.checkpoints.history.append(committed)
    await sequencer.stop()
    await loop
    await world.check()


async def test_a_killed_loop_takes_nothing_with_it():
    world = World()
    sequencer = world.process(Faults(named={"checkpoints.advance": Fault.CRASHES}), pace=AT_ONCE)
    loop = await running(sequencer)
    world.add(1)
    sequencer.wake()
    with pytest.raises(Crashed):
        await loop
    await world.process().append_batch()
    await world.check()


async def test_the_memory_of_the_past_has_its_bounds():
    world = World()
    sequencer = world.process(pace=Pace(batch_entries=8))
    for _ in range(10):
        world.add(8)
        while await sequencer.append_batch():
            pass
    assert len(sequencer._placements._entries._indexes) <= 16
    assert len(sequencer._placements._rows._indexes) <= 16
    assert make_entry(0) in await world.log()
