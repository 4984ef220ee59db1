"""A circuit breaker: after some failures in a row, calls fail at once instead of each waiting."""

import logging
import math
from collections.abc import Callable
from enum import StrEnum

_log = logging.getLogger(__name__)

_FAILURES_IN_A_ROW = 5
_OPEN_SECONDS = 0.5


class CircuitState(StrEnum):
    """What happens to the next call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Circuit:
    """Whether one server is worth calling. Times are in seconds of `clock`.

    Closed, every call goes through. After five failures in a row, those of calls that were under
    way together counting as one, it opens: for half a second none does. Then it is half open: one
    call is let through, and its end closes the circuit or opens it again. Each turn from closed to
    open and back is logged once.
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._clock = clock
        self._failures = 0
        self._failed_at = -math.inf
        self._open_until = 0.0
        self._probing = False

    @property
    def state(self) -> CircuitState:
        """What happens to the next call."""
        if self._failures < _FAILURES_IN_A_ROW:
            return CircuitState.CLOSED
        waiting = self._probing or self._clock() < self._open_until
        return CircuitState.OPEN if waiting else CircuitState.HALF_OPEN

    def enter(self) -> bool:
        """Whether a call may go through; it then ends in one of the three methods below."""
        if self._failures < _FAILURES_IN_A_ROW:
            return True
        if self._probing or self._clock() < self._open_until:
            return False
        self._probing = True
        return True

    def succeed(self) -> None:
        """The server answered."""
        if self._failures >= _FAILURES_IN_A_ROW:
            _log.warning("a server answers again", extra={"server": self._name})
        self._failures = 0
        self._probing = False

    def fail(self, *, began: float) -> None:
        """It did not. `began` is when the call did."""
        if began < self._failed_at:
            return  # one moment of silence is one failure, however many calls it hit
        self._failed_at = self._clock()
        self._failures += 1
        self._probing = False
        if self._failures >= _FAILURES_IN_A_ROW:
            self._open_until = self._clock() + _OPEN_SECONDS
        if self._failures == _FAILURES_IN_A_ROW:
            _log.error("a server does not answer: it is given a rest", extra={"server": self._name})

    def abandon(self) -> None:
        """The caller went away before there was an answer: nobody knows."""
        self._probing = False
