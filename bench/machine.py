"""The machine under the benchmarks: which core does what, and what a process tree costs."""

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SERVER_CORE = 0
CLIENT_CORE = 1

_CPU_CLOCK = 2  # CPUCLOCK_SCHED: what the scheduler counted, in nanoseconds
_KIB = 1 << 10
_GIB = 1 << 30


class CannotMeasure(Exception):
    """A benchmark can't run here; the message says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes of a process tree. `pss` counts pages that are shared only in part.

    `main_rss` is the part of its first process.
    """

    rss: int
    pss: int
    main_rss: int


def on_core(core: int, command: list[str]) -> list[str]:
    """The command, held to one core with everything that it starts."""
    return ["taskset", "--cpu-list", str(core), *command]


def release(pid: int) -> None:
    """Let a process and its threads run on every core again."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), range(os.cpu_count() or 1))


def check_tools() -> None:
    """Raise CannotMeasure unless there are two cores, and taskset to hold processes to them."""
    if shutil.which("taskset") is None:
        raise CannotMeasure("taskset is missing: it comes with util-linux (apt install util-linux)")
    if (os.cpu_count() or 1) < 2:
        raise CannotMeasure("two cores are needed, one for the server and one for its clients")


def tree(pid: int) -> list[int]:
    """The process and everything below it."""
    return [pid, *(each for child in _children(pid) for each in tree(child))]


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, task.read_text().split())


def cpu_seconds(pid: int) -> float:
    """Processor time of a tree, user and system, all threads, also those that have ended."""
    # clock_getcpuclockid(3), which Python has for threads only: /proc tells no less than 10 ms.
    return sum(time.clock_gettime((~each << 3) | _CPU_CLOCK) for each in tree(pid))


def memory(pid: int) -> Memory:
    """What a tree holds now."""
    rolled = [_rollup(each) for each in tree(pid)]
    return Memory(
        rss=sum(each["Rss"] for each in rolled),
        pss=sum(each["Pss"] for each in rolled),
        main_rss=rolled[0]["Rss"],
    )


def _rollup(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    pairs = (line.partition(":") for line in lines)
    return {name: int(rest.split()[0]) * _KIB for name, _, rest in pairs}


def reset_peak(pid: int) -> None:
    """Make the kernel forget the most memory that one process ever held."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_rss(pid: int) -> int:
    """The most bytes that one process held since `reset_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * _KIB
    raise CannotMeasure("the kernel tells no peak memory (VmHWM)")


def description() -> str:
    """Processor, cores, memory, kernel."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    return f"{cpu}, {os.cpu_count()} cores, {total:.0f} GiB, Linux {platform.release()}"


def version_of(command: list[str]) -> str:
    """The first line that a program says of its version."""
    # wrk tells its version with a failing exit code, some others on standard error.
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return (told.stdout + told.stderr).strip().partition("\n")[0]
