"""One request over and over on kept-alive connections, by wrk on a core of its own."""

import re
import shutil
import subprocess
from dataclasses import dataclass

from bench.machine import CLIENT_CORE, CannotMeasure, cpu_seconds, on_core
from bench.servers import Server

_CONNECTIONS = 16
_TOTAL = re.compile(r"(\d+) requests in")
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")


@dataclass(frozen=True, slots=True)
class Run:
    """One stretch of load: answers a second, and the server's processor time an answer in µs."""

    per_second: float
    cpu_micros: float


def generator() -> str:
    """The path of wrk."""
    found = shutil.which("wrk")
    if found is None:
        raise CannotMeasure(
            "wrk makes the load and is missing: apt install wrk, or brew install wrk"
        )
    return found


def drive(server: Server, seconds: int) -> Run:
    """Ask a server as fast as it answers.

    Raises:
        CannotMeasure: an answer was no success; a fast refusal would flatter the server.
    """
    command = [generator(), "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s"]
    command += ["-H", f"Authorization: Bearer {server.token}", server.url + server.path]
    before = cpu_seconds(server.pid)
    told = subprocess.run(
        on_core(CLIENT_CORE, command), capture_output=True, text=True, check=True
    ).stdout
    used = cpu_seconds(server.pid) - before
    total, rate = totals(server.name, told)
    return Run(rate, used / total * 1e6)


def totals(name: str, told: str) -> tuple[int, float]:
    """How many answers wrk counted, and how many a second.

    Raises:
        CannotMeasure: an answer was no success.
    """
    total, rate = _TOTAL.search(told), _RATE.search(told)
    if total is None or rate is None or "Non-2xx" in told or "Socket errors" in told:
        raise CannotMeasure(f"{name} did not answer every request well:\n{told}")
    return int(total[1]), float(rate[1])
