"""Two processes that take themselves for the one writer, in every order of their steps."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronicle.errors import Unavailable
from chronicle.ledger.sequencer import Pace, Sequencer
from tests.fakes.faults import Crashed, Fault, Faults
from tests.fakes.ledger import World


class Gate:
    """Holds a process at each of its steps until it is let through."""

    def __init__(self) -> None:
        self._held: list[asyncio.Future[None]] = []

    async def hold(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append(waiter)
        await waiter

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def let_one_through(self) -> None:
        self._held.pop(0).set_result(None)


async def live(sequencer: Sequencer, steps: int) -> None:
    for _ in range(steps):
        try:
            await sequencer.append_batch()
        except Unavailable:
            continue
        except Crashed:
            return


async def settle(gates: Sequence[Gate], tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait until every process is at a step or has ended."""
    while not all(  # noqa: ASYNC110
        gate.holds or task.done() for gate, task in zip(gates, tasks, strict=True)
    ):
        await asyncio.sleep(0)  # not an Event: planning runs in a thread, which no gate sees


@given(
    order=st.lists(st.integers(0, 1), max_size=150),
    fates=st.tuples(
        st.dictionaries(st.integers(0, 50), st.sampled_from(list(Fault)), max_size=2),
        st.dictionaries(st.integers(0, 50), st.sampled_from(list(Fault)), max_size=2),
    ),
    before=st.sampled_from([0, 250]),
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
async def test_two_writers_never_fork_lose_or_double(
    order: list[int], fates: tuple[dict[int, Fault], dict[int, Fault]], before: int
):
    world, pace = World(), Pace(batch_entries=8)
    world.add(before)
    first = world.process()
    while await first.append_batch():
        pass
    world.add(20)
    gates = [Gate(), Gate()]
    tasks = [
        asyncio.create_task(
            live(world.process(Faults(at=fate, turn=gate.hold), pace=pace), steps=4)
        )
        for fate, gate in zip(fates, gates, strict=True)
    ]
    # As drawn, then in turns until both have ended.
    turns = iter(order)
    while True:
        await settle(gates, tasks)
        if all(task.done() for task in tasks):
            break
        wanted = next(turns, None)
        ready = [gate for gate in gates if gate.holds]
        gate = gates[wanted] if wanted is not None and gates[wanted].holds else ready[0]
        gate.let_one_through()
    await asyncio.gather(*tasks)
    last = world.process(pace=pace)
    await last.start()
    await world.check(everything_placed=False)
    world.add(1)
    while await last.append_batch():
        pass
    await world.check()


class Slow:
    """A process that is held at its steps, one after the other."""

    def __init__(self, world: World) -> None:
        self.faults, self._gate = Faults(), Gate()
        self.sequencer = world.process(self.faults)
        self._task: asyncio.Task[None] | None = None

    async def held_at(self, step: str, work: Callable[[], Coroutine[None, None, object]]) -> None:
        """Begin the work and stop before a step of it."""
        self.faults.turn = self._gate.hold
        self._task = asyncio.create_task(self._do(work))
        await settle([self._gate], [self._task])
        while self.faults.steps[-1] != step:
            assert not self._task.done(), f"it never came to {step}"
            self._gate.let_one_through()
            await settle([self._gate], [self._task])

    async def one_step(self) -> None:
        assert self._task is not None
        self._gate.let_one_through()
        await settle([self._gate], [self._task])

    async def to_its_end(self) -> None:
        assert self._task is not None
        while not self._task.done():
            await self.one_step()
        await self._task
        self.faults.turn = None

    @staticmethod
    async def _do(work: Callable[[], Coroutine[None, None, object]]) -> None:
        with contextlib.suppress(Crashed):
            await work()


async def test_a_staged_batch_that_may_still_be_committed_is_not_swept_away():
    world = World()
    world.add(5)
    rival, slow = world.process(), Slow(world)
    await rival.start()
    await slow.held_at("checkpoints.advance", slow.sequencer.append_batch)
    # Staged, and about to be committed: a start just now must leave it alone.
    staged = [path for path in world.tiles.blobs if path.startswith("staging/")]
    await world.process().start()
    assert staged
    assert [path for path in world.tiles.blobs if path.startswith("staging/")] == staged
    await slow.one_step()
    # It has committed, and dies before it lays anything down.
    slow.faults.dead = True
    await slow.to_its_end()
    assert await rival.append_batch() == 0
    await rival.append_batch()
    await world.check()


async def test_a_writer_who_overslept_takes_back_the_older_checkpoint_that_it_published():
    world = World()
    world.add(1)
    slow, fast = Slow(world), world.process()
    await slow.sequencer.start()
    await slow.held_at("write checkpoint", slow.sequencer.append_batch)
    world.add(1)
    await fast.append_batch()
    await slow.to_its_end()
    # The other one has gone, so that nobody else would put it right.
    await slow.sequencer.append_batch()
    await world.check()


async def test_a_start_that_overslept_takes_back_the_older_checkpoint_that_it_published():
    world = World()
    world.add(1)
    with pytest.raises(Crashed):
        await world.process(
            Faults(named={"checkpoints.advance": Fault.CRASHES_AFTER_IT_PERSISTED})
        ).append_batch()
    slow, fast = Slow(world), world.process()
    await slow.held_at("write checkpoint", slow.sequencer.start)
    world.add(1)
    await fast.append_batch()
    await slow.to_its_end()
    await world.check()


async def test_a_staged_batch_that_can_never_be_committed_is_swept_away():
    world = World()
    world.add(5)
    faults = Faults(named={"checkpoints.advance": Fault.CRASHES})
    with pytest.raises(Crashed):
        await world.process(faults).append_batch()
    lost = next(path for path in world.tiles.blobs if path.startswith("staging/"))
    world.add(1)
    successor = world.process()
    await successor.append_batch()
    assert world.checkpoints.history[-1].staging != lost
    await world.process().start()
    assert lost not in world.tiles.blobs
    await world.check()
