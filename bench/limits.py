"""What a decision about a limit costs this process, and that no window ever holds too many."""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import uvloop

from bench import report
from bench.machine import SERVER_CORE, CannotMeasure, check_tools
from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey import Valkey
from chronicle.adapters.shared_state.valkey_limits import ValkeyLimiter
from chronicle.adapters.shared_state.valkey_process import ValkeyProcess
from chronicle.api.general_limit import GeneralLimit
from chronicle.errors import Unavailable
from chronicle.security import budgets
from chronicle.security.encryption import BlindIndex
from chronicle.security.keys import Key, Keyring, Purpose, State
from chronicle.security.limits import Limit, Limits, Window
from tests.services.valkey import running

_ROUNDS = 20
_DECISIONS = 500
_CHEAP_DECISIONS = 100_000
_BURSTS = 100
_NEVER_FULL = 1000
_ADDRESSES = {"IPv4": "192.0.2.7", "IPv6": "2001:db8::7"}
_WINDOWS = (Window(20, 60), Window(120, 3600), Window(600, 86_400))


def main() -> None:
    """Decide again and again, alone and many at once; then burst over every boundary."""
    check_tools()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_run())
        except Unavailable as error:
            raise CannotMeasure("Valkey missed its deadline: the machine is too busy") from error


async def _run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        process = ValkeyProcess(Path(folder))
        await process.start()
        client = valkey.connect(process.url)
        try:
            # Valkey keeps whatever core it finds: its work is not what is asked about.
            with _held_to_server_core():
                limits = Limits(ValkeyLimiter(client), BlindIndex(_keyring()), scale=_NEVER_FULL)
                alone = {name: await _alone(limits, text) for name, text in _ADDRESSES.items()}
                together = await _together(limits)
                overshoot, granted = await _overshoot(client)
        finally:
            await client.aclose()
            await process.stop()
    in_cluster = await _in_cluster()
    _print(alone, together, overshoot, granted)
    print(f"  in a Cluster, one after the other: {report.spread(in_cluster, 'µs')} of CPU")


async def _in_cluster() -> list[float]:
    """The same, one after the other, over a Cluster of three nodes on this machine."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running("valkey-cluster", Path(folder)) as service,
    ):
        client = valkey.connect(service.url)
        try:
            await client.is_up(within_seconds=5)
            with _held_to_server_core():
                limits = Limits(ValkeyLimiter(client), BlindIndex(_keyring()), scale=_NEVER_FULL)
                return await _alone(limits, _ADDRESSES["IPv4"])
        finally:
            await client.aclose()


async def _alone(limits: Limits, address: str) -> list[float]:
    """Microseconds of CPU for a decision, one after the other; a figure for each round."""

    async def decide() -> None:
        for _ in range(_DECISIONS):
            await limits.spend_address(budgets.SIGN_IN, address)

    await decide()
    return [await _cpu_micros(decide) / _DECISIONS for _ in range(_ROUNDS)]


async def _together(limits: Limits) -> list[float]:
    """The same with all of a round asked for at once."""

    async def decide() -> None:
        await asyncio.gather(
            *(limits.spend_address(budgets.SIGN_IN, "192.0.2.8") for _ in range(_DECISIONS))
        )

    return [await _cpu_micros(decide) / _DECISIONS for _ in range(_ROUNDS)]


async def _cpu_micros(work: Callable[[], Awaitable[None]]) -> float:
    started = time.process_time_ns()
    await work()
    return (time.process_time_ns() - started) / 1000


async def _overshoot(client: Valkey) -> tuple[int, int]:
    """How many too many stood in any window after randomised bursts, and how many were granted."""
    draw = random.Random()
    now = datetime.now(UTC)

    def clock() -> datetime:
        return now

    limiter = ValkeyLimiter(client, clock=clock)
    limits = [Limit(f"burst:{each.seconds}", "burst", each) for each in _WINDOWS]
    times: list[datetime] = []
    for _ in range(_BURSTS):
        now += timedelta(seconds=draw.choice((0.000001, 1, 30, 59.999999, 60, 600, 3600, 30_000)))
        for _ in range(draw.randint(1, 60)):
            now += timedelta(microseconds=draw.choice((0, 0, 1, 1000, 999_999)))
            if (await limiter.spend("bench", limits)).granted:
                times.append(now)
    return max(_most_in(times, each) - each.count for each in _WINDOWS), len(times)


def _most_in(times: list[datetime], window: Window) -> int:
    """The most that stand in any window of this length."""
    length, most, first = timedelta(seconds=window.seconds), 0, 0
    for last, end in enumerate(times):
        while end - times[first] >= length:
            first += 1
        most = max(most, last - first + 1)
    return most


def _general_micros() -> list[float]:
    limit = GeneralLimit(per_second=1_000_000, burst=1_000_000_000)
    address = _ADDRESSES["IPv4"]
    rounds = []
    for _ in range(_ROUNDS):
        started = time.process_time_ns()
        for _ in range(_CHEAP_DECISIONS):
            limit.spend(address)
        rounds.append((time.process_time_ns() - started) / 1000 / _CHEAP_DECISIONS)
    return rounds


def _print(
    alone: dict[str, list[float]], together: list[float], overshoot: int, granted: int
) -> None:
    general = _general_micros()
    report.heading("Limits")
    report.bars(
        [
            *(
                report.Bar(f"CPU of a decision, {name}", median(rounds), "µs", at_most=200)
                for name, rounds in alone.items()
            ),
            report.Bar("CPU of the general limit", median(general), "µs", at_most=2),
            report.Bar(f"too many in a window, {_BURSTS} bursts", max(0, overshoot), at_most=0),
        ]
    )
    for name, rounds in alone.items():
        print(f"  a decision for {name}, one after the other: {report.spread(rounds, 'µs')} of CPU")
    print(f"  {_DECISIONS} decisions at once, each: {report.spread(together, 'µs')} of CPU")
    print(f"  granted in the bursts: {granted}")


@contextmanager
def _held_to_server_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _keyring() -> Keyring:
    return Keyring(Key(os.urandom(8), purpose, State.ACTIVE, os.urandom(32)) for purpose in Purpose)
