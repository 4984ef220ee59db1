import pytest

from chronicle.errors import Unavailable
from chronicle.security import budgets
from chronicle.security.encryption import BlindIndex
from chronicle.security.limits import Budget, Limits, OverBudget, Window, networks_of
from tests.fakes.faults import Fault
from tests.fakes.limits import InMemoryLimiter
from tests.fakes.world import FakeWorld, keyring

TIGHT = Budget("tight", address=(Window(2, 60), Window(3, 3600)), identifier=(Window(1, 60),))
LOOSE = Budget("loose", user=(Window(1, 60),), essential=False)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def limiter(world: FakeWorld) -> InMemoryLimiter:
    return InMemoryLimiter(lambda: world.time)


@pytest.fixture
def limits(limiter: InMemoryLimiter) -> Limits:
    return Limits(limiter, BlindIndex(keyring()))


async def granted(limits: Limits, address: str) -> bool:
    try:
        await limits.spend_address(TIGHT, address)
    except OverBudget:
        return False
    return True


async def test_an_address_over_budget_is_told_when_to_come_back(
    limits: Limits, world: FakeWorld
) -> None:
    await limits.spend_address(TIGHT, "192.0.2.7")
    world.pass_time(seconds=1.5)
    await limits.spend_address(TIGHT, "192.0.2.7")
    with pytest.raises(OverBudget) as refused:
        await limits.spend_address(TIGHT, "192.0.2.7")
    assert refused.value.code == "too_many_attempts"
    assert refused.value.retry_after_seconds == 59
    limit, level = refused.value.standing.tightest
    assert (limit.policy, level.remaining) == ("address-60s", 0)
    assert await granted(limits, "192.0.2.8")


@pytest.mark.parametrize(
    "spelling", ["192.0.2.7", "::ffff:192.0.2.7", "::FFFF:c000:207", "::ffff:192.0.2.7%eth0"]
)
async def test_an_ipv4_address_has_one_budget_in_every_spelling(
    limits: Limits, spelling: str
) -> None:
    for _ in range(2):
        assert await granted(limits, "192.0.2.7")
    assert not await granted(limits, spelling)


async def test_turning_through_a_64_of_ipv6_gains_nothing(limits: Limits) -> None:
    answers = [await granted(limits, f"2001:db8::{number:x}") for number in range(1, 20)]
    assert answers == [True, True] + [False] * 17


@pytest.mark.parametrize(
    ("turned", "times"),
    [("2001:db8:0:{:x}::1", 3), ("2001:db8:0:{:x}00::1", 10), ("2001:db8:{:x}::1", 100)],
    ids=["a 56", "a 48", "a 32"],
)
async def test_turning_through_a_wider_network_meets_a_wider_budget(
    limits: Limits, turned: str, times: int
) -> None:
    # More than the hour's window holds of each, so that only the wider network can say no.
    answers = [
        await granted(limits, turned.format(number)) for number in range(250) for _ in range(3)
    ]
    assert sum(answers) == 3 * times


def test_networks_are_cut_where_they_end() -> None:
    assert networks_of("2001:db8:1234:5678:9abc::1") == (
        ("address", "2001:db8:1234:5678::/64", 1),
        ("net56", "2001:db8:1234:5600::/56", 3),
        ("net48", "2001:db8:1234::/48", 10),
        ("net32", "2001:db8::/32", 100),
    )
    assert networks_of("unknown") == (("address", "unknown", 1),)


async def test_everything_of_one_ipv6_network_is_kept_together(
    limits: Limits, limiter: InMemoryLimiter
) -> None:
    await limits.spend_address(TIGHT, "2001:db8:1::1")
    await limits.spend_address(TIGHT, "2001:db8:ffff::1")
    assert len(set(limiter.subjects)) == 1


async def test_no_address_or_identifier_reaches_the_limiter(
    limits: Limits, limiter: InMemoryLimiter
) -> None:
    await limits.spend_address(TIGHT, "192.0.2.7")
    await limits.spend_address(TIGHT, "2001:db8::7")
    await limits.spend_mail(TIGHT, "ada@example.org", "192.0.2.7")
    for shown in map(str, limiter.spent):
        assert "192.0.2" not in shown
        assert "2001:db8" not in shown
        assert "ada" not in shown


async def test_a_scale_widens_every_window(limiter: InMemoryLimiter) -> None:
    limits = Limits(limiter, BlindIndex(keyring()), scale=10)
    assert [await granted(limits, "192.0.2.7") for _ in range(21)] == [True] * 20 + [False]


async def test_without_the_limiter_what_is_essential_is_refused_and_the_rest_goes_on(
    limits: Limits, limiter: InMemoryLimiter, caplog: pytest.LogCaptureFixture
) -> None:
    limiter.faults.always = Fault.FAILS
    with pytest.raises(Unavailable):
        await limits.spend_address(TIGHT, "192.0.2.7")
    for _ in range(5):
        assert await limits.spend_user(LOOSE, b"ada") is None
    limiter.faults.always = None
    assert await limits.spend_user(LOOSE, b"ada") is not None
    assert caplog.messages == ["limits are not counted", "limits are counted again"]


async def test_a_budget_without_windows_for_a_subject_asks_nobody(
    limits: Limits, limiter: InMemoryLimiter
) -> None:
    assert await limits.spend_address(LOOSE, "192.0.2.7") is None
    assert await limits.spend_user(TIGHT, b"ada") is None
    assert limiter.subjects == []


def test_every_named_budget_has_windows_from_the_shortest_to_the_longest() -> None:
    assert len({budget.name for budget in budgets.ALL}) == len(budgets.ALL)
    for budget in budgets.ALL:
        scopes = (
            budget.address,
            budget.identifier,
            budget.mailbox,
            budget.user,
        )
        assert any(scopes), budget.name
        for windows in scopes:
            assert list(windows) == sorted(windows, key=lambda window: window.seconds)
            assert all(0 < window.count <= 10_000 for window in windows)
            counts = [window.count for window in windows]
            assert counts == sorted(counts)


MAILED = Budget("mailed", identifier=(Window(2, 60),), mailbox=(Window(5, 60),))


async def mailed(limits: Limits, address: str, budget: Budget = MAILED, **how: bytes) -> bool:
    try:
        await limits.spend_mail(budget, "ada@example.org", address, **how)
    except OverBudget:
        return False
    return True


async def test_a_stranger_who_asks_for_mails_uses_up_the_share_of_one_network(
    limits: Limits,
) -> None:
    assert [await mailed(limits, "192.0.2.7") for _ in range(4)] == [True, True, False, False]
    # A whole /48 is one stranger.
    turned = [await mailed(limits, f"2001:db8:1:{number:x}::1") for number in range(5)]
    assert turned == [True, True, False, False, False]
    assert await mailed(limits, "2001:db8:2::1")
    await limits.spend_mail(MAILED, "bob@example.org", "192.0.2.7")


async def test_a_mailbox_gets_no_more_than_its_own_from_all_networks_and_budgets_together(
    limits: Limits, world: FakeWorld
) -> None:
    other = Budget("other", identifier=MAILED.identifier, mailbox=MAILED.mailbox)
    answers = [
        await mailed(limits, f"192.0.2.{number}", budget)
        for number in range(10)
        for budget in (MAILED, other)
    ]
    assert answers == [True] * 5 + [False] * 15
    # What the mailbox refused has cost the network nothing.
    world.pass_time(seconds=60)
    assert [await mailed(limits, "192.0.2.9") for _ in range(3)] == [True, True, False]


async def test_a_known_device_has_mails_of_its_own_when_strangers_used_up_the_mailbox(
    limits: Limits,
) -> None:
    while await mailed(limits, "192.0.2.7"):
        pass
    assert await mailed(limits, "192.0.2.8")
    assert await mailed(limits, "192.0.2.8")
    assert await mailed(limits, "192.0.2.9")
    assert not await mailed(limits, "192.0.2.10")
    known = [await mailed(limits, "192.0.2.7", device_id=b"known") for _ in range(3)]
    assert known == [True, True, False]
    assert await mailed(limits, "192.0.2.7", device_id=b"another")


async def test_shares_of_a_mailbox_are_kept_together_and_name_nobody(
    limits: Limits, limiter: InMemoryLimiter
) -> None:
    await mailed(limits, "192.0.2.7")
    await mailed(limits, "2001:db8::7")
    assert len(set(limiter.subjects)) == 1
    assert not any("192.0.2" in str(key) or "ada" in str(key) for key in limiter.spent)
