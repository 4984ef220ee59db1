"""A circuit breaker: who does not answer is given a rest, and asked by one at first."""

import logging
import math

import pytest

from chronicle.circuit import Circuit, CircuitState


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit("10.0.0.7:6379", clock)


def fail(circuit: Circuit, times: int) -> None:
    for _ in range(times):
        assert circuit.enter()
        circuit.fail(began=math.inf)


def test_it_opens_after_five_failures_in_a_row(circuit: Circuit) -> None:
    fail(circuit, 4)
    assert circuit.state is CircuitState.CLOSED
    assert circuit.enter()
    circuit.succeed()
    fail(circuit, 4)
    assert circuit.state is CircuitState.CLOSED
    fail(circuit, 1)
    assert circuit.state is CircuitState.OPEN
    assert not circuit.enter()


def test_calls_that_failed_together_count_as_one_failure(circuit: Circuit, clock: Clock) -> None:
    for _ in range(4):
        began = clock.now
        clock.now += 0.1
        for _ in range(16):
            circuit.fail(began=began)
    assert circuit.state is CircuitState.CLOSED
    circuit.fail(began=clock.now)
    assert circuit.state is CircuitState.OPEN


def test_after_half_a_second_one_call_is_let_through(circuit: Circuit, clock: Clock) -> None:
    fail(circuit, 5)
    clock.now += 0.499
    assert not circuit.enter()
    clock.now += 0.001
    assert circuit.state is CircuitState.HALF_OPEN
    assert circuit.enter()
    assert circuit.state is CircuitState.OPEN
    assert not circuit.enter()


def test_its_success_closes_and_its_failure_opens_again(circuit: Circuit, clock: Clock) -> None:
    fail(circuit, 5)
    clock.now += 0.5
    fail(circuit, 1)
    assert not circuit.enter()
    clock.now += 0.5
    assert circuit.enter()
    circuit.succeed()
    assert circuit.state is CircuitState.CLOSED
    fail(circuit, 4)
    assert circuit.enter()


def test_a_probe_that_was_given_up_leaves_its_turn_to_the_next(
    circuit: Circuit, clock: Clock
) -> None:
    fail(circuit, 5)
    clock.now += 0.5
    assert circuit.enter()
    circuit.abandon()
    assert circuit.state is CircuitState.HALF_OPEN
    assert circuit.enter()


def test_each_turn_is_logged_once(
    circuit: Circuit, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fail(circuit, 5)
    for _ in range(10):
        clock.now += 0.5
        fail(circuit, 1)
    clock.now += 0.5
    assert circuit.enter()
    circuit.succeed()
    assert circuit.enter()
    circuit.succeed()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
