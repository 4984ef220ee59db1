"""A process that dies, or a part that fails, at each single step that it takes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronicle.errors import Unavailable
from chronicle.ledger.checkpoints import parse_checkpoint
from chronicle.ledger.notes import parse_note
from chronicle.ledger.sequencer import Pace, Sequencer
from chronicle.ledger.stored_tree import load_edge
from tests.fakes.faults import Crashed, Fault, Faults
from tests.fakes.ledger import World

BEFORE, ROUNDS = 200, (100, 3)


async def drain(sequencer: Sequencer) -> None:
    while await sequencer.append_batch():
        pass


async def prepared() -> World:
    """A log that is about to fill its first tiles."""
    world = World()
    world.add(BEFORE)
    await drain(world.process())
    return world


async def work(world: World, sequencer: Sequencer) -> None:
    """Two batches, the first of which fills tiles and collects partial ones."""
    for count in ROUNDS:
        world.add(count)
        world.add(1, source=1)
        await drain(sequencer)


async def steps_of_the_work() -> int:
    world, faults = await prepared(), Faults()
    await work(world, world.process(faults))
    await world.check()
    return len(faults.steps)


@pytest.mark.parametrize("fault", [Fault.CRASHES, Fault.CRASHES_AFTER_IT_PERSISTED])
async def test_a_crash_at_any_step_loses_doubles_and_forks_nothing(fault: Fault):
    for step in range(await steps_of_the_work()):
        world = await prepared()
        with pytest.raises(Crashed):
            await work(world, world.process(Faults(at={step: fault})))
        committed = world.checkpoints.history[-1].head.size
        acknowledged = {
            row.id: row.entry_index for source in world.sources for row in source.rows.values()
        }
        published = parse_checkpoint(parse_note(world.tiles.blobs["checkpoint"]).text)
        assert all(
            index is None or index < published.head.size for index in acknowledged.values()
        ), "an index was given that the published checkpoint does not cover"
        stands = await load_edge(world.tiles, published.head.size)
        assert stands.head == published.head, "published before its tiles stood"
        successor = world.process()
        await successor.start()
        assert world.checkpoints.history[-1].head.size == committed
        await world.check(everything_placed=False)
        await drain(successor)
        await world.check()
        for source in world.sources:
            for row in source.rows.values():
                assert acknowledged[row.id] in (None, row.entry_index)


@pytest.mark.parametrize("fault", [Fault.FAILS, Fault.FAILS_AFTER_IT_PERSISTED])
async def test_a_failure_at_any_step_is_made_good_by_the_next_try(fault: Fault):
    for step in range(await steps_of_the_work()):
        world = await prepared()
        sequencer = world.process(Faults(at={step: fault}))
        with pytest.raises(Unavailable):
            await work(world, sequencer)
        await drain(sequencer)
        await world.check()


@pytest.mark.parametrize("fault", [Fault.CRASHES, Fault.CRASHES_AFTER_IT_PERSISTED])
async def test_a_crash_at_any_step_of_the_first_start_leaves_a_log_that_starts(fault: Fault):
    faults = Faults()
    await World().process(faults).start()
    for step in range(len(faults.steps)):
        world = World()
        with pytest.raises(Crashed):
            await world.process(Faults(at={step: fault})).start()
        successor = world.process()
        await successor.start()
        world.add(3)
        await drain(successor)
        await world.check()


@pytest.mark.parametrize("fault", [Fault.CRASHES, Fault.CRASHES_AFTER_IT_PERSISTED])
async def test_a_crash_during_the_recovery_from_a_crash_is_recovered_from(fault: Fault):
    async def crashed() -> World:
        world = await prepared()
        faults = Faults(named={})
        sequencer = world.process(faults)
        await sequencer.start()
        # The commit point has just been passed: all is left to recovery.
        faults.named["checkpoints.advance"] = Fault.CRASHES_AFTER_IT_PERSISTED
        with pytest.raises(Crashed):
            await work(world, sequencer)
        return world

    faults = Faults()
    await (await crashed()).process(faults).start()
    for step in range(len(faults.steps)):
        world = await crashed()
        with pytest.raises(Crashed):
            await world.process(Faults(at={step: fault})).start()
        await drain(world.process())
        await world.check()


FATES = st.sampled_from(list(Fault))
LIVES = st.lists(
    st.tuples(st.integers(0, 120), st.integers(0, 3), st.dictionaries(st.integers(0, 60), FATES)),
    max_size=6,
)


@given(lives=LIVES, batch_entries=st.sampled_from([1, 7, 64, 8192]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
async def test_any_run_of_crashes_and_failures_ends_well(
    lives: list[tuple[int, int, dict[int, Fault]]], batch_entries: int
):
    world, pace = World(), Pace(batch_entries=batch_entries)
    for uploads, sessions, fates in lives:
        world.add(uploads)
        world.add(sessions, source=1)
        sequencer = world.process(Faults(at=fates), pace=pace)
        for _ in range(3):
            try:
                await sequencer.append_batch()
            except Crashed:
                break
            except Unavailable:
                continue
    world.add(1)
    await drain(world.process(pace=pace))
    await world.check()
