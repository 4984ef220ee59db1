"""Switches for what befalls the steps of a fake: they fail, fail after they persisted, or are slow.

Every effect of a fake is one step, and goes through its `Faults`. A step that fails after it
persisted is what a lost reply looks like. A slow one waits for a test, which can cancel it, race
it or run out of time meanwhile. A step that crashes ends the process that made it, and whatever
that process still tries finds it dead.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from chronicle.errors import Unavailable

Answer = TypeVar("Answer")
Asked = ParamSpec("Asked")


class Fault(Enum):
    """What becomes of one step."""

    FAILS = "fails"
    FAILS_AFTER_IT_PERSISTED = "fails after it persisted"
    CRASHES = "crashes"
    CRASHES_AFTER_IT_PERSISTED = "crashes after it persisted"


@dataclass(frozen=True)
class Slow:
    """A step that waits, before it persists or after, until `go_on` is set; `reached` tells so."""

    after_it_persisted: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def holds(self, task: asyncio.Future[Any]) -> None:
        """Wait until a task has come to this step; it is an error if it ends before."""
        task.add_done_callback(lambda _: self.reached.set())
        await self.reached.wait()
        assert not task.done(), "it never came to the slow step"

    async def wait(self) -> None:
        self.reached.set()
        await self.go_on.wait()


class Crashed(BaseException):
    """The process is gone. Not an Exception: nothing may catch it and carry on."""


@dataclass
class Faults:
    """One process's link to its world: fakes that share it fail together.

    `at` maps the number of a step, from 0, to its fate, and `named` its name; `always` is the fate
    of all others. `steps` are those that were made so far, and `struck` tells of the first fault.
    """

    at: dict[int, Fault | Slow] = field(default_factory=dict)
    named: dict[str, Fault | Slow] = field(default_factory=dict)
    always: Fault | None = None
    turn: Callable[[], Awaitable[None]] | None = None
    steps: list[str] = field(default_factory=list)
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    dead: bool = False

    def slow(self, name: str, *, after_it_persisted: bool = False) -> Slow:
        """Make a step of this name wait."""
        slow = Slow(after_it_persisted)
        self.named[name] = slow
        return slow

    async def through(self, name: str, effect: Callable[[], Answer]) -> Answer:
        """Make a step: all of its effect at once, or nothing."""
        self._live()
        fate = self.at.get(len(self.steps)) or self.named.get(name) or self.always
        self.steps.append(name)
        await (self.turn() if self.turn else asyncio.sleep(0))
        if isinstance(fate, Slow) and not fate.after_it_persisted:
            await fate.wait()
        self._live()
        self._strike(fate, Fault.FAILS, Fault.CRASHES)
        answer = effect()
        if isinstance(fate, Slow) and fate.after_it_persisted:
            await fate.wait()
        self._strike(fate, Fault.FAILS_AFTER_IT_PERSISTED, Fault.CRASHES_AFTER_IT_PERSISTED)
        return answer

    def _live(self) -> None:
        if self.dead:
            raise Crashed

    def _strike(self, fate: Fault | Slow | None, fails: Fault, crashes: Fault) -> None:
        if fate is crashes:
            self.dead = True
            raise Crashed
        if fate is fails:
            self.struck.set()
            raise Unavailable


class Faulty(Protocol):
    """A fake; its steps are named `label.method`."""

    label: str
    faults: Faults


Fake = TypeVar("Fake", bound=Faulty)


def step(
    effect: Callable[Concatenate[Fake, Asked], Answer],
) -> Callable[Concatenate[Fake, Asked], Coroutine[Any, Any, Answer]]:
    """Make a method of a fake one step. It waits for nothing, so nothing comes in between."""

    @functools.wraps(effect)
    async def made(self: Fake, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        return await self.faults.through(
            f"{self.label}.{effect.__name__}", lambda: effect(self, *args, **kwargs)
        )

    return made
