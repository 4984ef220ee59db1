"""The hash of a sign-in alone, in a process of its own: what it costs the processor.

As a program (`python -m bench.hash_alone`) it verifies a password once and then ten times for each
line that it reads, and answers with the milliseconds of processor time of one of the ten.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher

from bench.machine import SERVER_CORE

PASSWORD = "seven lamps over a quiet harbour"
# Those of the settings' defaults.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
TIMES = 10


@contextmanager
def hashing() -> Iterator[Callable[[], float]]:
    """What measures it, on the server's core: milliseconds of a hash, the first one not counted."""
    command = [sys.executable, "-m", "bench.hash_alone"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        asked, answered = process.stdin, process.stdout
        assert asked is not None
        assert answered is not None

        def measure() -> float:
            asked.write("\n")
            asked.flush()
            return float(answered.readline())

        yield measure
        asked.close()


def _serve() -> None:
    os.sched_setaffinity(0, {SERVER_CORE})
    stored = HASHER.hash(PASSWORD)
    for _ in sys.stdin:
        HASHER.verify(stored, PASSWORD)
        started = time.process_time_ns()
        for _ in range(TIMES):
            HASHER.verify(stored, PASSWORD)
        print((time.process_time_ns() - started) / 1e6 / TIMES, flush=True)


if __name__ == "__main__":
    _serve()
