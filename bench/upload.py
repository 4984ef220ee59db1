"""A 1 GiB file comes in: raw and as a form, into memory and onto a disk, beside dd and SHA-256."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import report
from bench.machine import (
    CLIENT_CORE,
    SERVER_CORE,
    CannotMeasure,
    check_tools,
    cpu_seconds,
    memory,
    on_core,
    peak_rss,
    release,
    reset_peak,
)
from bench.servers import Server, chronicle

_MIB = 1 << 20
_SIZE = 1024 * _MIB
_MB = _SIZE / 1e6
_ROUNDS = 3
_MEMORY_FOLDER = Path("/dev/shm")
# By convention on a disk, where /tmp often is not.
_DISK_FOLDER = Path("/var/tmp")
_ROOM = 4 * _SIZE

_HASH = """
import hashlib, sys, time
with open(sys.argv[1], "rb") as file:
    pieces = iter(lambda: file.read(1 << 20), b"")
    content = list(pieces)
started = time.perf_counter()
digest = hashlib.sha256()
for piece in content:
    digest.update(piece)
print(time.perf_counter() - started)
"""


@dataclass(slots=True)
class _Rates:
    """MB/s of each kind, a value a round, and what the server's memory grew by in MiB.

    `idle` is what each server held before its first upload, in bytes, by process id.
    """

    idle: dict[int, int]
    by_kind: dict[str, list[float]] = field(default_factory=dict)
    growth: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def add(self, kind: str, seconds: float) -> None:
        self.by_kind.setdefault(kind, []).append(_MB / seconds)

    def median(self, kind: str) -> float:
        return median(self.by_kind[kind])

    def ratio(self, one: str, other: str) -> float:
        pairs = zip(self.by_kind[one], self.by_kind[other], strict=True)
        return median(a / b for a, b in pairs)


def main() -> None:
    """Run the rounds and print what came of them."""
    check_tools()
    with ExitStack() as stack:
        fast = stack.enter_context(_folder_in(_MEMORY_FOLDER))
        disk = stack.enter_context(_folder_in(_DISK_FOLDER))
        file = _make_file(fast / "bench.bin")
        in_memory = stack.enter_context(chronicle(fast / "chronicle"))
        on_disk = stack.enter_context(chronicle(disk / "chronicle"))
        # "One core" is said of memory; the disk is raced with the whole machine, as dd is.
        release(on_disk.pid)
        idle = {server.pid: memory(server.pid).main_rss for server in (in_memory, on_disk)}
        _round(_Rates(idle), file, in_memory, on_disk, disk)
        rates = _Rates(idle)
        for _ in range(_ROUNDS):
            _round(rates, file, in_memory, on_disk, disk)
    _print(rates)


def _round(rates: _Rates, file: Path, in_memory: Server, on_disk: Server, disk: Path) -> None:
    rates.add("SHA-256", _hash(file))
    _measure(rates, "raw", in_memory, file)
    _measure(rates, "multipart", in_memory, file)
    rates.add("dd", _dd(file, disk / "dd.bin"))
    _measure(rates, "raw to disk", on_disk, file)


@contextmanager
def _folder_in(parent: Path) -> Iterator[Path]:
    if not parent.is_dir() or shutil.disk_usage(parent).free < _ROOM:
        raise CannotMeasure(f"{parent} has not the {_ROOM >> 30} GiB that this takes")
    with tempfile.TemporaryDirectory(prefix="chronicle-bench-", dir=parent) as folder:
        yield Path(folder)


def _make_file(path: Path, size: int = _SIZE) -> Path:
    """Bytes that neither repeat themselves nor take long to make."""
    piece = os.urandom(_MIB)
    with path.open("wb") as file:
        for number in range(size // _MIB):
            file.write(number.to_bytes(8, "big") + piece[8:])
    return path


def _hash(file: Path) -> float:
    return float(_told(on_core(SERVER_CORE, [sys.executable, "-c", _HASH, str(file)])))


def _dd(file: Path, target: Path) -> float:
    """Write a new file beside the one of the round before, and put it in its place, as uploads do.

    Written over, the old file's memory would be warm, and the new one cost half as much.
    """
    draft = target.with_suffix(".new")
    command = ["dd", f"if={file}", f"of={draft}", "bs=1M", "conv=fsync", "status=none"]
    seconds = _timed(lambda: _told(command))
    draft.replace(target)
    return seconds


def _measure(rates: _Rates, kind: str, server: Server, file: Path) -> None:
    reset_peak(server.pid)
    cpu = cpu_seconds(server.pid)
    rates.add(kind, _upload(server, file, kind))
    rates.cpu.setdefault(kind, []).append(cpu_seconds(server.pid) - cpu)
    rates.growth.setdefault(kind, []).append((peak_rss(server.pid) - rates.idle[server.pid]) / _MIB)


def _upload(server: Server, file: Path, kind: str) -> float:
    form = "multipart" if kind == "multipart" else "raw"
    client = [
        sys.executable,
        "-m",
        "bench.upload_client",
        server.url,
        server.token,
        str(file),
        form,
    ]
    return float(_told(on_core(CLIENT_CORE, client)).split()[0])


def _told(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotMeasure(f"{' '.join(command[:6])} failed:\n{done.stderr}")
    return done.stdout


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _print(rates: _Rates) -> None:
    report.heading("Upload of 1 GiB: into memory on one core, to disk on all")
    report.bars(
        [
            report.Bar("raw to disk, of dd conv=fsync", rates.ratio("raw to disk", "dd"), "x", 0.8),
            report.Bar("multipart, of raw", rates.ratio("multipart", "raw"), "x", 0.7),
            report.Bar("raw to memory", rates.median("raw"), "MB/s", 300),
            *(
                report.Bar(f"memory over idle, {kind}", max(values), "MiB", at_most=64)
                for kind, values in rates.growth.items()
            ),
        ]
    )
    report.table(
        ["median of rounds", "MB/s", "of SHA-256's", "CPU s"],
        [
            [
                kind,
                report.spread(values),
                report.number(rates.ratio(kind, "SHA-256"), "x"),
                report.number(median(rates.cpu[kind])) if kind in rates.cpu else "-",
            ]
            for kind, values in rates.by_kind.items()
        ],
    )


if __name__ == "__main__":
    main()
