"""Signed-in reads by many people at once: Chronicle on MongoDB beside Chronicle on SQLite.

Processor time of Chronicle alone: a database server has cores of its own. The server is the one of
`CHRONICLE_BENCH_MONGO_URL`, or the one that the tests start.
"""

import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import report
from bench.load import Run, generator, totals
from bench.machine import CLIENT_CORE, CannotMeasure, check_tools, cpu_seconds, on_core
from bench.servers import chronicle_process, sign_up

_PEOPLE = 48
_ROUNDS = 5
_SECONDS = 3

_SERVER = "CHRONICLE_BENCH_MONGO_URL"

_EACH_IN_TURN = """
local tokens, turn = {%s}, 0
request = function()
  turn = turn %% #tokens + 1
  return wrk.format("GET", "/api/auth/user", {["Authorization"] = "Bearer " .. tokens[turn]})
end
"""


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    pid: int
    url: str
    script: Path


def main() -> None:
    """Run the rounds A B, A B, ... and print what came of them."""
    check_tools()
    generator()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mongo_url = stack.enter_context(_mongo())
        candidates = [
            stack.enter_context(_candidate(folder, "SQLite")),
            stack.enter_context(_candidate(folder, "MongoDB", CHRONICLE_DATABASE_URL=mongo_url)),
        ]
        runs: dict[str, list[Run]] = {each.name: [] for each in candidates}
        for candidate in candidates:
            _drive(candidate, 1)
        for _ in range(_ROUNDS):
            for candidate in candidates:
                runs[candidate.name].append(_drive(candidate, _SECONDS))
    _print(runs)


@contextmanager
def _mongo() -> Iterator[str]:
    name = f"bench_{secrets.token_hex(4)}"
    if _SERVER in os.environ:
        yield _named(os.environ[_SERVER], name)
        return
    try:
        from tests.services.mongo import running_mongo  # noqa: PLC0415
        from tests.services.mongo_install import Missing  # noqa: PLC0415
    except ImportError as error:
        raise CannotMeasure(f"set {_SERVER} to a MongoDB server: {error}") from error
    try:
        with running_mongo() as mongo:
            yield _named(mongo.url, name)
    except Missing as error:
        raise CannotMeasure(f"set {_SERVER} to a MongoDB server: {error}") from error


def _named(url: str, name: str) -> str:
    server, _, options = url.partition("/?")
    return f"{server.rstrip('/')}/{name}" + (f"?{options}" if options else "")


@contextmanager
def _candidate(folder: Path, name: str, **settings: str) -> Iterator[_Candidate]:
    home = folder / name
    with chronicle_process(home, **settings) as (pid, url):
        tokens = [sign_up(url, f"person-{number}@example.org") for number in range(_PEOPLE)]
        script = home / "each_in_turn.lua"
        listed = ", ".join(f'"{token}"' for token in tokens)
        script.write_text(_EACH_IN_TURN % listed, encoding="utf-8")
        yield _Candidate(name, pid, url, script)


def _drive(candidate: _Candidate, seconds: int) -> Run:
    command = [generator(), "-t1", f"-c{_PEOPLE}", f"-d{seconds}s", "-s", str(candidate.script)]
    before = cpu_seconds(candidate.pid)
    told = subprocess.run(
        on_core(CLIENT_CORE, [*command, candidate.url]), capture_output=True, text=True, check=True
    ).stdout
    used = cpu_seconds(candidate.pid) - before
    total, rate = totals(candidate.name, told)
    return Run(rate, used / total * 1e6)


def _print(runs: dict[str, list[Run]]) -> None:
    report.heading(f"Signed-in read by {_PEOPLE} people at once, by database")
    pairs = zip(runs["SQLite"], runs["MongoDB"], strict=True)
    ratios = [sqlite.cpu_micros / mongo.cpu_micros for sqlite, mongo in pairs]
    report.bars(
        [
            report.Bar(
                "MongoDB: requests per CPU second, of SQLite's", median(ratios), "x", at_least=0.4
            )
        ]
    )
    report.table(
        ["median of rounds", "requests/s", "CPU a request"],
        [
            [
                name,
                report.spread([run.per_second for run in of_one]),
                report.spread([run.cpu_micros for run in of_one], "µs"),
            ]
            for name, of_one in runs.items()
        ],
    )
