"""How often one address, identifier, account or user may do something.

A `Budget` has sliding windows: at most so many in *any* stretch of so many seconds. What is over
budget is refused and costs nothing, so whoever keeps on asking gets exactly the budget. All windows
of one subject are decided together, all or nothing. Subjects are decided one after the other,
the address first; what an earlier one spent stays spent when a later one refuses.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from chronicle.errors import TooMany, Unavailable
from chronicle.security.encryption import BlindIndex

_log = logging.getLogger(__name__)

# Who has one IPv6 network can have many: an ISP hands out a /64 to a phone, a /56 to a household,
# a /48 to an office, and is a /32 itself. How many times the budget each of these has; the wider
# ones have it for the longest window only.
_IPV6_NETWORKS = (("address", 64, 1), ("net56", 56, 3), ("net48", 48, 10), ("net32", 32, 100))
_INDEX_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` in any `seconds`."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True, eq=False)
class Budget:
    """A named budget: its windows for each kind of subject, the longest last.

    Without the limiter an `essential` budget refuses (503), any other lets everything pass.
    `code` is what a refusal is called. What is mailed is counted for each network that asks for it
    (`identifier`), and for all networks and all budgets together (`mailbox`).
    """

    name: str
    address: tuple[Window, ...] = ()
    identifier: tuple[Window, ...] = ()
    mailbox: tuple[Window, ...] = ()
    user: tuple[Window, ...] = ()
    essential: bool = True

    @property
    def code(self) -> str:
        """What a refusal is called: guesses are attempts, everything else are requests."""
        return "too_many_attempts" if self.essential else "too_many_requests"


@dataclass(frozen=True, slots=True)
class Limit:
    """One window of one subject. `key` is where its use is counted, `policy` its public name."""

    key: str
    policy: str
    window: Window


@dataclass(frozen=True, slots=True)
class Level:
    """How one limit stands: what is left, and in how many seconds there will be more."""

    remaining: int
    more_in_seconds: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it was spent, and how each limit stands after it, in the order of the limits."""

    granted: bool
    levels: tuple[Level, ...]


class Limiter(Protocol):
    """Counts what was spent, for all processes together."""

    async def spend(self, subject: str, limits: Sequence[Limit]) -> Decision:
        """Spend one of each limit, or nothing when one of them has none left.

        One atomic step: of any number of racing calls, on any process, no more are granted than
        fit, in any window, to the microsecond. The keys live as long as their windows. Limits
        of one subject are kept together. May spend twice when a connection breaks: it errs on
        the side of refusing.

        Raises:
            Unavailable: it did not answer in time; it may have been spent.
        """


@dataclass(frozen=True, slots=True)
class Standing:
    """How one subject stands with one budget, for the `RateLimit` headers."""

    limits: tuple[Limit, ...]
    levels: tuple[Level, ...]

    @property
    def tightest(self) -> tuple[Limit, Level]:
        """The limit that will refuse first: least left, and of these the longest to wait."""
        pairs = zip(self.limits, self.levels, strict=True)
        return min(pairs, key=lambda pair: (pair[1].remaining, -pair[1].more_in_seconds))


class OverBudget(TooMany):
    """One of the windows is full; nothing was spent."""

    def __init__(self, budget: Budget, standing: Standing) -> None:
        self.standing = standing
        full = (level for level in standing.levels if level.remaining == 0)
        wait = max(level.more_in_seconds for level in full)
        super().__init__(budget.code, retry_after_seconds=max(1, -int(-wait // 1)))


class Limits:
    """Spends budgets. Subjects reach the limiter only as blind indexes."""

    def __init__(self, limiter: Limiter, index: BlindIndex, *, scale: int = 1) -> None:
        """`scale` multiplies every count."""
        self._limiter = limiter
        self._index = index
        self._scale = scale
        self._reachable = True
        # Who asks once asks again: the keys of an address need not be worked out each time.
        self._of_address = lru_cache(maxsize=4096)(self._limits_of_address)

    async def spend_address(self, budget: Budget, address: str) -> Standing | None:
        """One for an address and, with IPv6, for each network that it lies in.

        None when there is nothing to spend, or nobody to count what is not essential.

        Raises:
            OverBudget: nothing was spent.
            Unavailable: an essential budget can't be counted.
        """
        if not budget.address:
            return None
        subject, limits = self._of_address(budget, address)
        return await self._spend(budget, subject, limits)

    async def spend_mail(
        self, budget: Budget, identifier: str, address: str, *, device_id: bytes | None = None
    ) -> Standing | None:
        """One for a mail to an identifier that an address asks for; a network has its share.

        So one stranger can't have the pause begin for everybody else. A device that the account
        knows has a budget of its own, and takes nothing from the mailbox's. See above.
        """
        if device_id is not None:
            return await self._spend_one(budget, "device", device_id.hex(), budget.identifier)
        subject = self._pseudonym("identifier", identifier)
        asking = self._pseudonym("network", f"{_asking_network(address)} {identifier}")
        limits = self._limits(budget.name, "network", asking, budget.identifier, 1)
        limits += self._limits("mailbox", "identifier", subject, budget.mailbox, 1)
        return await self._spend(budget, subject, tuple(limits))

    async def spend_user(self, budget: Budget, account_id: bytes) -> Standing | None:
        """One for a caller who is signed in. See above."""
        return await self._spend_one(budget, "user", account_id.hex(), budget.user)

    async def _spend_one(
        self, budget: Budget, scope: str, subject: str, windows: tuple[Window, ...]
    ) -> Standing | None:
        if not windows:
            return None
        pseudonym = self._pseudonym(scope, subject)
        limits = self._limits(budget.name, scope, pseudonym, windows, 1)
        return await self._spend(budget, pseudonym, tuple(limits))

    def _limits_of_address(self, budget: Budget, address: str) -> tuple[str, tuple[Limit, ...]]:
        limits: list[Limit] = []
        for scope, network, times in networks_of(address):
            windows = budget.address if times == 1 else budget.address[-1:]
            subject = self._pseudonym("address", network)
            limits += self._limits(budget.name, scope, subject, windows, times)
        # The widest network comes last, and everything in it is kept together.
        return subject, tuple(limits)

    async def _spend(
        self, budget: Budget, subject: str, limits: tuple[Limit, ...]
    ) -> Standing | None:
        try:
            decision = await self._limiter.spend(subject, limits)
        except Unavailable:
            if budget.essential:
                raise
            self._note_reachable(False)
            return None
        self._note_reachable(True)
        standing = Standing(limits, decision.levels)
        if not decision.granted:
            raise OverBudget(budget, standing)
        return standing

    def _limits(
        self, name: str, scope: str, subject: str, windows: tuple[Window, ...], times: int
    ) -> list[Limit]:
        prefix = f"{name}:{scope}:{subject}"
        return [
            Limit(
                key=f"{prefix}:{window.seconds}",
                policy=f"{scope}-{window.seconds}s",
                window=Window(window.count * times * self._scale, window.seconds),
            )
            for window in windows
        ]

    def _pseudonym(self, scope: str, subject: str) -> str:
        return self._index.of(subject, column=f"limits.{scope}").hex()[:_INDEX_CHARACTERS]

    def _note_reachable(self, reachable: bool) -> None:
        # Once at each turn: a line for each request would be a flood of its own.
        if reachable is not self._reachable:
            self._reachable = reachable
            _log.warning("limits are counted again" if reachable else "limits are not counted")


def _asking_network(address: str) -> str:
    """Whose share of the mails to an identifier it is: an IPv4 address, or a /48 of IPv6."""
    networks = networks_of(address)
    return next((network for scope, network, _ in networks if scope == "net48"), networks[0][1])


@lru_cache(maxsize=8192)
def networks_of(address: str) -> tuple[tuple[str, str, int], ...]:
    """What an address is counted under: (scope, network, times the budget), the widest last.

    An IPv4 address stands for itself, also when it is mapped into IPv6 (RFC 4291 2.5.5.2); what
    is no address stands for itself too.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return (("address", address, 1),)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if not isinstance(parsed, IPv6Address):
        return (("address", str(parsed), 1),)
    number = int(parsed)
    return tuple(
        (scope, f"{IPv6Address(number >> (128 - bits) << (128 - bits))}/{bits}", times)
        for scope, bits, times in _IPV6_NETWORKS
    )
