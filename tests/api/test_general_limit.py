import tracemalloc

import pytest

from chronicle.api.general_limit import GeneralLimit


class Clock:
    def __init__(self) -> None:
        self.now = 10**12

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_and_then_a_steady_stream(clock: Clock) -> None:
    limit = GeneralLimit(per_second=10, burst=5, nanoseconds=clock)
    assert [limit.spend("192.0.2.7") for _ in range(5)] == [0.0] * 5
    assert limit.spend("192.0.2.7") == pytest.approx(0.1)
    clock.now += 100_000_000
    assert limit.spend("192.0.2.7") == 0.0
    assert limit.spend("192.0.2.7") > 0


def test_what_was_refused_costs_nothing(clock: Clock) -> None:
    limit = GeneralLimit(per_second=10, burst=1, nanoseconds=clock)
    assert limit.spend("192.0.2.7") == 0.0
    for _ in range(100):
        assert limit.spend("192.0.2.7") == pytest.approx(0.1)
    clock.now += 100_000_000
    assert limit.spend("192.0.2.7") == 0.0


def test_addresses_do_not_share_and_a_64_of_ipv6_does(clock: Clock) -> None:
    limit = GeneralLimit(per_second=10, burst=1, nanoseconds=clock)
    assert limit.spend("192.0.2.7") == 0.0
    assert limit.spend("192.0.2.8") == 0.0
    assert limit.spend("2001:db8::1") == 0.0
    assert limit.spend("2001:db8::2") > 0
    assert limit.spend("2001:db8:0:1::1") == 0.0


def test_over_any_stretch_no_more_than_the_burst_and_the_rate_pass(clock: Clock) -> None:
    limit = GeneralLimit(per_second=10, burst=20, nanoseconds=clock)
    passed = 0
    for _ in range(1000):
        passed += limit.spend("192.0.2.7") == 0.0
        clock.now += 10_000_000
    assert passed == 20 + 99


def test_memory_is_bounded_and_who_keeps_asking_is_not_forgotten(clock: Clock) -> None:
    limit = GeneralLimit(per_second=1, burst=1, nanoseconds=clock, remembered=1000)
    assert limit.spend("192.0.2.7") == 0.0
    tracemalloc.start()
    for number in range(50_000):
        limit.spend(f"host {number}")
        if number % 500 == 0:
            assert limit.spend("192.0.2.7") > 0
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000
