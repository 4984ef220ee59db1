"""What the system says of a running process."""

import os
from pathlib import Path


def resident_kib(pid: int) -> int:
    """The memory that a process holds right now."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("the system does not tell the memory of a process")


def open_files(pid: int) -> int:
    """How many file descriptors a process holds right now."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a Path for each would be in vain


def children(pid: int) -> list[int]:
    """The process's children."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]
