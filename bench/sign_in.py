"""Signing in: what it costs beside its hash, what a stopwatch learns, and who waits for it."""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median, quantiles

import uvloop
from argon2 import PasswordHasher

from bench import report, sign_in_timing
from bench.hash_alone import HASHER, PASSWORD, hashing
from bench.machine import CLIENT_CORE, CannotMeasure, check_tools, cpu_seconds
from bench.people import make_accounts
from bench.raw_client import Connection, Timed, get, post
from bench.servers import chronicle_process

# Short rounds, so that a slow second is slow for both; and processes of both that are new for
# each turn, since where their memory lies makes some percent.
_TURNS = 6
_ROUNDS = 8
_SIGN_INS = 10
_LOAD_ROUNDS = 5
_LOAD_SECONDS = 3
_READS_PER_SECOND = 200
# So many times more sign-ins are asked for than can be hashed.
_FLOOD = 4
_CONNECTIONS = 40
_PERSON = "ada@example.org"


def main() -> None:
    """Measure all three; the client stays on a core of its own."""
    check_tools()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CORE})
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run())
    finally:
        os.sched_setaffinity(0, before)


async def _run() -> None:
    report.heading("Sign-in")
    with tempfile.TemporaryDirectory() as folder:
        await make_accounts(Path(folder, "data"), HASHER.hash(PASSWORD), [_PERSON], [])
        costs: list[tuple[float, float]] = []
        for _ in range(_TURNS):
            with chronicle_process(Path(folder)) as (pid, url), hashing() as hash_alone:
                costs += await _costs(pid, url, hash_alone)
        _print_costs(costs)
        hash_seconds = median(hash for _, hash in costs) / 1000
        with chronicle_process(Path(folder)) as (_, url):
            _print_load(await _under_load(url, hash_seconds))
            _print_bursts(await _under_load(url, hash_seconds, together=True))
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    cheapest = await sign_in_timing.measure(cheap, **sign_in_timing.CHEAPEST)
    sign_in_timing.print_timings(cheapest, "cheapest hash")
    sign_in_timing.print_timings(await sign_in_timing.measure(HASHER), "hash as shipped")


async def _costs(pid: int, url: str, hash_alone: Callable[[], float]) -> list[tuple[float, float]]:
    """Milliseconds of processor time, of a sign-in and of its hash alone, for each round."""
    connection = await Connection.to(url)
    cookie = f"chronicle_device={(await _sign_in(connection)).cookie('chronicle_device')}"
    pairs = []
    for _ in range(_ROUNDS):
        # Neither's first one counts: it finds the caches as the other has left them.
        await _sign_in(connection, cookie)
        before = cpu_seconds(pid)
        for _ in range(_SIGN_INS):
            await _sign_in(connection, cookie)
        sign_in = (cpu_seconds(pid) - before) * 1000 / _SIGN_INS
        pairs.append((sign_in, hash_alone()))
    connection.close()
    return pairs


async def _sign_in(connection: Connection, cookie: str = "") -> Timed:
    body = {"email": _PERSON, "password": PASSWORD}
    timed = await connection.ask(post("/api/auth/login", body, cookie))
    if timed.status != 200:
        raise CannotMeasure(f"a sign-in was answered {timed.status}")
    return timed


@dataclass(slots=True)
class _Load:
    """Milliseconds of signed-in reads by round, and what became of the sign-ins in between."""

    idle: list[list[float]] = field(default_factory=list)
    loaded: list[list[float]] = field(default_factory=list)
    checked: list[float] = field(default_factory=list)
    overflow: list[float] = field(default_factory=list)


async def _under_load(url: str, hash_seconds: float, *, together: bool = False) -> _Load:
    connection = await Connection.to(url)
    read = get("/api/auth/user", (await _sign_in(connection)).json["access_token"])
    load = _Load()
    await _reads(connection, read)
    for _ in range(_LOAD_ROUNDS):
        load.idle.append(await _reads(connection, read))
        flood = asyncio.ensure_future(_flood(url, _FLOOD / hash_seconds, load, together=together))
        await asyncio.sleep(0.5)
        load.loaded.append(await _reads(connection, read))
        await flood
    connection.close()
    return load


async def _reads(connection: Connection, request: bytes) -> list[float]:
    """Milliseconds from when each read was due: one that waits for its predecessor counts."""
    taken: list[float] = []

    async def read(due: float) -> None:
        late = time.perf_counter() - due
        timed = await connection.ask(request)
        if timed.status != 200:
            raise CannotMeasure(f"a read was answered {timed.status}")
        taken.append(late * 1000 + timed.milliseconds)

    await _at_rate(_READS_PER_SECOND, _LOAD_SECONDS, read)
    return taken


async def _at_rate(
    per_second: float, seconds: float, act: Callable[[float], Awaitable[None]]
) -> None:
    """Act at each moment that is due, one after the other; late ones follow at once, in time."""
    started = time.perf_counter()
    for number in range(int(per_second * seconds)):
        due = started + number / per_second
        if time.perf_counter() > started + seconds:
            return
        if (ahead := due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        # The timer is late by itself: that is the client's, not the server's.
        await act(max(due, time.perf_counter()) if ahead > 0 else due)


async def _flood(url: str, per_second: float, load: _Load, *, together: bool) -> None:
    connections = [await Connection.to(url) for _ in range(_CONNECTIONS)]
    numbers = iter(range(1_000_000))

    async def sign_in(connection: Connection, place: int) -> None:
        # Evenly, or else all of them at once, again and again.
        await asyncio.sleep(0 if together else place / per_second)

        async def act(_: float) -> None:
            body = {"email": f"{time.time_ns()}-{next(numbers)}@example.org", "password": PASSWORD}
            timed = await connection.ask(post("/api/auth/login", body))
            if timed.status not in {401, 503}:
                raise CannotMeasure(f"a sign-in in the flood was answered {timed.status}")
            (load.checked if timed.status == 401 else load.overflow).append(timed.milliseconds)

        await _at_rate(per_second / _CONNECTIONS, _LOAD_SECONDS + 1, act)

    await asyncio.gather(*map(sign_in, connections, range(_CONNECTIONS)))
    for connection in connections:
        connection.close()


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


def _print_costs(costs: list[tuple[float, float]]) -> None:
    ratio = mean(sign_in for sign_in, _ in costs) / mean(hash for _, hash in costs)
    report.bars([report.Bar("CPU of a sign-in, of its hash's", ratio, "x", at_most=1.1)])
    turns = [costs[place : place + _ROUNDS] for place in range(0, len(costs), _ROUNDS)]
    by_turn = [median(sign_in / hash for sign_in, hash in turn) for turn in turns]
    print(f"  from {min(by_turn):.2f} to {max(by_turn):.2f} in {_TURNS} turns")
    print(f"  a sign-in: {report.spread([one for one, _ in costs], 'ms')} of CPU")
    print(f"  its hash alone: {report.spread([one for _, one in costs], 'ms')} of CPU\n")


def _print_load(load: _Load) -> None:
    idle, loaded = map(_p99, load.idle), map(_p99, load.loaded)
    ratio = median(full / unloaded for unloaded, full in zip(idle, loaded, strict=True))
    report.bars([report.Bar("p99 of reads, sign-in full, of unloaded", ratio, "x", at_most=3)])
    for what, rounds in (("unloaded", load.idle), ("sign-in full", load.loaded)):
        print(
            f"  reads, {what}: median {report.spread([median(one) for one in rounds], 'ms')},"
            f" p99 {report.spread([_p99(one) for one in rounds], 'ms')}"
        )
    _print_overflow(load)


def _print_bursts(load: _Load) -> None:
    """The same with the sign-ins in bursts, as nobody's load is: for what it shows, not a bar."""
    print(f"  the same number of sign-ins, {_CONNECTIONS} at a time:")
    idle, full = (median(map(_p99, rounds)) for rounds in (load.idle, load.loaded))
    print(f"  p99 of reads {report.number(full, 'ms')}, unloaded {report.number(idle, 'ms')}")
    _print_overflow(load)


def _print_overflow(load: _Load) -> None:
    turned_away = report.number(_p99(load.overflow), "ms")
    print(f"  {len(load.overflow)} of the sign-ins turned away; p99 {turned_away}")
    checked = report.number(median(load.checked), "ms")
    print(f"  {len(load.checked)} checked; median {checked}\n", flush=True)
