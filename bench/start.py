"""How soon a server that ran before is ready again, and what memory it holds."""

import tempfile
import time
from pathlib import Path
from statistics import median

from bench import report
from bench.load import drive
from bench.machine import Memory, check_tools, memory
from bench.servers import chronicle, chronicle_process

_STARTS = 5
_SETTLE_SECONDS = 2.0
_LOAD_SECONDS = 5


def main() -> None:
    """Start it again and again; then look at its memory, idle and after load."""
    check_tools()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = _start(folder)
        again = [_start(folder) for _ in range(_STARTS)]
        with chronicle_process(folder) as (pid, _):
            time.sleep(_SETTLE_SECONDS)
            idle = memory(pid)
        with chronicle(folder) as server:
            signed_in = memory(server.pid)
            drive(server, _LOAD_SECONDS)
            loaded = memory(server.pid)
    _print(first, again, {"idle": idle, "one sign-up later": signed_in, "after load": loaded})


def _start(folder: Path) -> float:
    started = time.perf_counter()
    with chronicle_process(folder):
        return time.perf_counter() - started


def _print(first: float, again: list[float], memories: dict[str, Memory]) -> None:
    report.heading("Start and memory")
    report.bars(
        [
            report.Bar("second start to ready", median(again), "s", at_most=2),
            report.Bar(
                "resident when idle, with Valkey", memories["idle"].rss / 1e6, "MB", at_most=120
            ),
        ]
    )
    report.table(
        ["memory of the process tree", "RSS", "PSS"],
        [
            [when, report.number(each.rss / 1e6, "MB"), report.number(each.pss / 1e6, "MB")]
            for when, each in memories.items()
        ],
    )
    print(f"  starts: the first {report.number(first, 's')}, then {report.spread(again, 's')}")


if __name__ == "__main__":
    main()
