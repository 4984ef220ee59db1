"""Can a stopwatch tell who has an account? Refused sign-ins of every kind, in turns."""

import itertools
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from argon2 import PasswordHasher

from bench import report
from bench.machine import CannotMeasure
from bench.people import make_accounts
from bench.raw_client import Connection, post
from bench.servers import chronicle_process

PAIRS = 500
# Wrong passwords before the lock, and how long a locked identifier is used before the next one.
_FREE_GUESSES = 4
_LOCKED_FOR = 10
_WARM_UP = 20
_WRONG = "seven lamps over another harbour"

CHEAPEST = {
    "CHRONICLE_ARGON2_MEMORY_KIB": "8",
    "CHRONICLE_ARGON2_TIME_COST": "1",
    "CHRONICLE_ARGON2_PARALLELISM": "1",
}
# What must look alike: the same answer for both, and nothing in the time that it takes.
ALIKE = (
    ("unknown", "wrong password"),
    ("no password", "wrong password"),
    ("locked, unknown", "locked"),
)

Kinds = dict[str, Iterator[str]]


async def measure(hasher: PasswordHasher, **settings: str) -> dict[str, list[float]]:
    """Milliseconds of each refusal, by kind; the kinds take turns."""
    known = [
        f"known-{number}@example.org" for number in range(-(-PAIRS // _FREE_GUESSES) + _WARM_UP)
    ]
    lockings = (PAIRS + _WARM_UP) // _LOCKED_FOR + 1
    lockable = [f"lock-{number}@example.org" for number in range(lockings)]
    bare = [f"bare-{number}@example.org" for number in range(len(known))]
    with tempfile.TemporaryDirectory() as folder:
        await make_accounts(Path(folder, "data"), hasher.hash("x" * 20), [*known, *lockable], bare)
        with chronicle_process(Path(folder), **settings) as (_, url):
            connection = await Connection.to(url)
            try:
                return await _take_turns(connection, _kinds(known, bare, lockable))
            finally:
                connection.close()


def _kinds(known: list[str], bare: list[str], lockable: list[str]) -> Kinds:
    strangers = (f"nobody-{number}@example.org" for number in itertools.count())
    locked = (f"noone-{number}@example.org" for number in itertools.count())
    return {
        "wrong password": _each(known, _FREE_GUESSES),
        "unknown": _each(strangers, _FREE_GUESSES),
        "no password": _each(bare, _FREE_GUESSES),
        "locked": _each(lockable, _LOCKED_FOR),
        "locked, unknown": _each(locked, _LOCKED_FOR),
    }


def _each(names: Iterator[str] | list[str], times: int) -> Iterator[str]:
    return (name for name in names for _ in range(times))


async def _take_turns(connection: Connection, kinds: Kinds) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    locked: set[str] = set()
    for number in range(_WARM_UP + PAIRS):
        for kind, emails in _rotated(list(kinds.items()), number):
            email = next(emails)
            if kind.startswith("locked") and email not in locked:
                await _lock(connection, email)
                locked.add(email)
            timed = await connection.ask(_login(email))
            expected = 429 if kind.startswith("locked") else 401
            if timed.status != expected:
                raise CannotMeasure(f"{kind}: {timed.status} instead of {expected}")
            if number >= _WARM_UP:
                taken[kind].append(timed.milliseconds)
    return taken


def _rotated(kinds: list[tuple[str, Iterator[str]]], by: int) -> list[tuple[str, Iterator[str]]]:
    """Another one comes first at each turn: whatever comes before leaves the caches warm."""
    by %= len(kinds)
    return kinds[by:] + kinds[:by]


async def _lock(connection: Connection, email: str) -> None:
    while (await connection.ask(_login(email))).status == 401:
        pass


def _login(email: str) -> bytes:
    return post("/api/auth/login", {"email": email, "password": _WRONG})


def print_timings(taken: dict[str, list[float]], title: str) -> None:
    """The distributions, and a bar for each pair that must look alike."""
    rows = []
    for kind, times in taken.items():
        tenths = quantiles(times, n=10)
        row = [report.number(value, "ms") for value in (tenths[0], tenths[4], tenths[8])]
        rows.append([kind, *row])
    report.table([title, "p10", "median", "p90"], rows)
    report.bars(
        report.Bar(
            f"{first} / {second}: AUC from 0.5",
            abs(auc(taken[first], taken[second]) - 0.5),
            at_most=0.05,
        )
        for first, second in ALIKE
    )


def auc(first: list[float], second: list[float]) -> float:
    """How often one of the first takes longer than one of the second; ties count half.

    0.5 is no difference (the Mann-Whitney statistic over the number of pairs). With 500 of each,
    chance alone strays from it by more than 0.036 in one run of twenty.
    """
    ranked = sorted(second)
    wins = sum(bisect_left(ranked, one) + bisect_right(ranked, one) for one in first) / 2
    return wins / (len(first) * len(second))
