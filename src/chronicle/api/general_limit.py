"""The general limit: how fast one address may ask for anything, counted in this process alone.

It is there for every request, so it costs next to nothing: no call to anywhere, a fixed amount of
memory. It is generous; what needs to be exact has a budget (`security/budgets.py`).
"""

import time
from collections.abc import Callable

from chronicle.security.limits import networks_of

# Addresses remembered: at least this many, at most twice as many.
_REMEMBERED = 32_768
_SECOND = 1_000_000_000


class GeneralLimit:
    """A token bucket for each address, or /64 of IPv6, kept as one number (GCRA).

    The number is when the bucket will be full again. Old ones are forgotten by the generation, so
    an address that keeps on asking is never forgotten before others that have stopped.
    """

    __slots__ = ("_interval", "_nanoseconds", "_remembered", "_seen", "_seen_before", "_slack")

    def __init__(
        self,
        *,
        per_second: int,
        burst: int,
        nanoseconds: Callable[[], int] = time.monotonic_ns,
        remembered: int = _REMEMBERED,
    ) -> None:
        """`burst` requests at once, and `per_second` for as long as it likes."""
        self._interval = max(1, _SECOND // per_second)
        self._slack = (burst - 1) * self._interval
        self._nanoseconds = nanoseconds
        self._remembered = remembered
        self._seen: dict[str, int] = {}
        self._seen_before: dict[str, int] = {}

    def spend(self, address: str) -> float:
        """Take one request in: 0.0, or in how many seconds the next one will be."""
        if ":" in address:
            address = networks_of(address)[0][1]
        now = self._nanoseconds()
        seen = self._seen
        full_at = seen.get(address)
        if full_at is None:
            full_at = self._seen_before.get(address, 0)
            if len(seen) >= self._remembered:
                self._seen_before, self._seen = seen, {}
                seen = self._seen
        full_at = max(full_at, now)
        over = full_at - now - self._slack
        if over > 0:
            seen[address] = full_at
            return over / _SECOND
        seen[address] = full_at + self._interval
        return 0.0
