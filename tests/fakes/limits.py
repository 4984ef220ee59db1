"""A limiter in memory."""

from collections.abc import Callable, Sequence
from datetime import datetime

from chronicle.security.limits import Decision, Level, Limit
from tests.fakes.faults import Faults, step


class InMemoryLimiter:
    """`security.limits.Limiter`."""

    label = "limiter"

    def __init__(self, clock: Callable[[], datetime], faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.spent: dict[tuple[str, str], list[float]] = {}
        self.subjects: list[str] = []
        self._clock = clock

    @step
    def spend(self, subject: str, limits: Sequence[Limit]) -> Decision:
        self.subjects.append(subject)
        now = self._clock().timestamp()
        used = [self._in_window(subject, limit, now) for limit in limits]
        granted = all(
            len(times) < limit.window.count for times, limit in zip(used, limits, strict=True)
        )
        if granted:
            for times in used:
                times.append(now)
        levels = tuple(
            Level(
                max(0, limit.window.count - len(times)),
                times[max(0, len(times) - limit.window.count)] + limit.window.seconds - now
                if times
                else 0.0,
            )
            for times, limit in zip(used, limits, strict=True)
        )
        return Decision(granted, levels)

    def _in_window(self, subject: str, limit: Limit, now: float) -> list[float]:
        times = self.spent.setdefault((subject, limit.key), [])
        times[:] = [time for time in times if time + limit.window.seconds > now]
        return times
