"""Budgets in Valkey or Redis: one script, one round trip a decision."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from chronicle.adapters.shared_state.valkey import Script, Valkey
from chronicle.security.limits import Decision, Level, Limit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MICROS = 1_000_000


class ValkeyLimiter:
    """`security.limits.Limiter` on Valkey: a list of times for each limit.

    Every key of a subject carries the subject as its hash tag, so that a cluster keeps them in one
    slot. Valkey's clock is the one that counts, because processes on two machines disagree about
    the time; `clock` replaces it in tests.
    """

    def __init__(self, valkey: Valkey, *, clock: Callable[[], datetime] | None = None) -> None:
        self._valkey = valkey
        self._spend = Script.named("spend_budgets")
        self._clock = clock

    async def spend(self, subject: str, limits: Sequence[Limit]) -> Decision:
        """Spend one of each limit, or nothing when one of them has none left."""
        keys = [f"chronicle:limit:{{{subject}}}:{limit.key}" for limit in limits]
        now = 0 if self._clock is None else (self._clock() - _EPOCH) // _MICROSECOND
        # One argument for all the windows: each further one would be packed by itself.
        windows = " ".join(f"{each.window.count} {each.window.seconds}" for each in limits)
        answer: list[int] = await self._valkey.run(self._spend, keys=keys, args=[now, windows])
        levels = tuple(
            Level(answer[place], answer[place + 1] / _MICROS) for place in range(1, len(answer), 2)
        )
        return Decision(answer[0] == 1, levels)
