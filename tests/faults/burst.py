"""Sign-ins from many addresses while something breaks, and what became of them."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import httpx2

from tests.running_server import RunningServer

# What docs/limits.md gives one address for `sign-in` in a minute.
BUDGET = 20

# Tests choose their address; the reads beside them come from one.
BEHIND_A_PROXY = {
    "CHRONICLE_TRUSTED_PROXIES": "127.0.0.0/8,::1",
    "CHRONICLE_LIMIT_SCALE": "1",
    "CHRONICLE_REQUESTS_PER_SECOND": "1000000",
    "CHRONICLE_REQUEST_BURST": "1000000",
    "CHRONICLE_CHALLENGE": "off",  # which would stop a burst before its budget does
}
ADMITTED, REFUSED, UNAVAILABLE = 401, 429, 503


@dataclass
class Burst:
    """Each answer's time, address and status, in the order in which they came."""

    answers: list[tuple[float, str, int]] = field(default_factory=list)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(status for _, _, status in self.answers)

    @property
    def most_admitted(self) -> int:
        """To the address that got most."""
        admitted = Counter(address for _, address, status in self.answers if status == ADMITTED)
        return max(admitted.values(), default=0)

    def after(self, moment: float) -> "Burst":
        return Burst([each for each in self.answers if each[0] > moment])

    @property
    def longest_outage(self) -> float:
        """The longest that nobody was decided about, in seconds."""
        decided = [time for time, _, status in self.answers if status != UNAVAILABLE]
        return max((after - before for before, after in pairwise(decided)), default=0)

    def figures(self, what: str, *, over_at: float, recovered_at: float) -> str:
        """One line for whoever reads the tests' output."""
        count = self.statuses
        return (
            "\n"
            f"{what}: sent {len(self.answers)}, acknowledged {count[ADMITTED] + count[REFUSED]}"
            f" (admitted {count[ADMITTED]}, over budget {count[REFUSED]}),"
            f" failed with 503 {count[UNAVAILABLE]}, most admitted to an address"
            f" {self.most_admitted} of {BUDGET}, longest outage {self.longest_outage:.2f} s,"
            f" recovered in {recovered_at - over_at:.2f} s\n"
        )


def guess(client: httpx2.Client, address: str, number: int) -> int:
    """A sign-in that nobody can: 401 when it was admitted. Each is for another identifier."""
    return client.post(
        "/api/auth/login",
        json={"email": f"nobody-{address}-{number}@example.org", "password": "wrong"},
        headers={"X-Forwarded-For": address},
    ).status_code


@contextmanager
def bursting(server: RunningServer, *, threads: int = 4, addresses: int = 3) -> Iterator[Burst]:
    """Sign-ins all the while, from so many addresses in each thread."""
    burst, done = Burst(), threading.Event()

    def send(thread: int) -> None:
        with server.client() as client:
            number = 0
            while not done.is_set():
                address = f"198.18.{thread}.{number % addresses}"
                status = guess(client, address, number)
                burst.answers.append((time.monotonic(), address, status))
                number += 1

    senders = [threading.Thread(target=send, args=(each,)) for each in range(threads)]
    for sender in senders:
        sender.start()
    try:
        yield burst
    finally:
        done.set()
        for sender in senders:
            sender.join(60)
