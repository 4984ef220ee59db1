"""A person reads their own profile, signed in: Chronicle beside PocketBase and bare ASGI."""

import platform
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import report
from bench.load import Run, drive, generator
from bench.machine import check_tools, version_of
from bench.servers import Server, bare_asgi, chronicle, pocketbase

_ROUNDS = 5
_SECONDS = 3
_WARM_UP_SECONDS = 1


def main() -> None:
    """Run the rounds A B C, A B C, ... and print what came of them."""
    check_tools()
    generator()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ours = stack.enter_context(chronicle(Path(folder, "chronicle")))
        peer = stack.enter_context(pocketbase(Path(folder, "pocketbase")))
        bare = stack.enter_context(bare_asgi(Path(folder, "bare"), ours.get()))
        runs = measure([ours, peer, bare])
        _print(ours, peer, bare, runs)


def measure(servers: list[Server]) -> dict[str, list[Run]]:
    """Each server's rounds, interleaved so that a slower minute slows them all."""
    for server in servers:
        drive(server, _WARM_UP_SECONDS)
    runs: dict[str, list[Run]] = {server.name: [] for server in servers}
    for _ in range(_ROUNDS):
        for server in servers:
            runs[server.name].append(drive(server, _SECONDS))
    return runs


def _print(ours: Server, peer: Server, bare: Server, runs: dict[str, list[Run]]) -> None:
    report.heading("Signed-in read, one core")
    faster = _ratios(
        [run.per_second for run in runs[ours.name]], [run.per_second for run in runs[peer.name]]
    )
    # The same in processor time: it stays what it is when others use the machine as well.
    leaner = _ratios(
        [run.cpu_micros for run in runs[peer.name]], [run.cpu_micros for run in runs[ours.name]]
    )
    costlier = _ratios(
        [run.cpu_micros for run in runs[ours.name]], [run.cpu_micros for run in runs[bare.name]]
    )
    report.bars(
        [
            report.Bar("requests/s, of PocketBase's", median(faster), "x", at_least=3.5),
            report.Bar(
                "requests per CPU second, of PocketBase's", median(leaner), "x", at_least=3.5
            ),
            report.Bar("CPU a request, of bare ASGI's", median(costlier), "x", at_most=3.0),
        ]
    )
    report.table(
        ["median of rounds", "requests/s", "CPU a request"],
        [
            [
                server.version,
                report.spread([run.per_second for run in runs[server.name]]),
                report.spread([run.cpu_micros for run in runs[server.name]], "µs"),
            ]
            for server in (ours, peer, bare)
        ],
    )
    wrk = version_of([generator(), "--version"]).partition(" [")[0]
    print(f"  Python {platform.python_version()}, {wrk}, {_ROUNDS} rounds of {_SECONDS} s each")


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True)]


if __name__ == "__main__":
    main()
