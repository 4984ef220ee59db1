"""A challenge is good once, for two minutes, for one network, as it was made; nothing else is."""

import asyncio
import base64
import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.errors import Unavailable
from chronicle.security.challenges import LIFETIME, ChallengeInvalid, Challenges
from chronicle.security.keys import Key, Purpose, State
from tests.challenges import header_of, number_of, solved
from tests.fakes.challenges import InMemorySpentChallenges
from tests.fakes.faults import Fault
from tests.fakes.world import FakeWorld, keyring

HERE = "192.0.2.7"
FIELDS = ("algorithm", "challenge", "salt", "signature", "number")


class Desk:
    def __init__(self, label: str = "test", difficulty: int = 50) -> None:
        self.world = FakeWorld()
        self.spent = InMemorySpentChallenges()
        self.challenges = Challenges(
            keyring(label), self.spent, self.world.world, difficulty=difficulty
        )

    def solution(self, address: str = HERE) -> dict[str, Any]:
        return solved(asdict(self.challenges.issue(address)))

    def takes(self, solution: dict[str, Any], address: str = HERE) -> bool:
        try:
            self.challenges.check(address, header_of(solution))
        except ChallengeInvalid:
            return False
        return True


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_solved_challenge_is_taken_in_both_alphabets_with_or_without_padding(desk: Desk) -> None:
    solution = desk.solution() | {"took": 12.5}
    text = header_of(solution)
    for spelt in (text, text.replace("+", "-").replace("/", "_"), text.rstrip("=")):
        assert desk.challenges.check(HERE, spelt) == solution["challenge"]


@given(data=st.data())
def test_a_solution_in_which_anything_was_changed_is_refused(data: st.DataObject) -> None:
    desk = Desk()
    solution = desk.solution()
    field = data.draw(st.sampled_from(FIELDS))
    text = st.text(st.characters(codec="utf-8"), max_size=100)
    changed = data.draw(
        st.integers(0, 2**63 - 1)
        if field == "number"
        else st.one_of(text, flipped(solution[field])),
    )
    tampered = solution | {field: changed}
    assert desk.takes(tampered) == (tampered == solution)


def flipped(text: str) -> st.SearchStrategy[str]:
    """One character of a text replaced, dropped or put in."""
    place = st.integers(0, len(text) - 1)
    other = st.characters(min_codepoint=32, max_codepoint=126)
    return st.builds(
        lambda at, new, cut: text[:at] + new + text[at + cut :], place, other, st.integers(0, 1)
    )


@given(at=st.integers(0, 400), bit=st.integers(0, 7))
def test_a_header_with_a_flipped_bit_is_refused_unless_it_says_the_same(at: int, bit: int) -> None:
    desk = Desk()
    solution = desk.solution()
    raw = bytearray(header_of(solution).encode())
    raw[at % len(raw)] ^= 1 << bit
    text = raw.decode("latin-1")
    try:
        desk.challenges.check(HERE, text)
    except ChallengeInvalid:
        return
    meant = json.loads(base64.b64decode(text + "=" * (-len(text) % 4)))
    assert {field: meant[field] for field in FIELDS} == solution


@given(
    text=st.one_of(
        st.text(max_size=200),
        st.binary(max_size=200).map(lambda raw: base64.b64encode(raw).decode()),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from([*FIELDS, "x"]), inner, max_size=6)
            ),
            max_leaves=8,
        ).map(lambda value: base64.b64encode(json.dumps(value).encode()).decode()),
    )
)
def test_whatever_else_is_sent_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(ChallengeInvalid):
        Desk().challenges.check(HERE, text)


def test_digits_can_not_be_moved_from_the_number_to_the_expiry(desk: Desk) -> None:
    # CVE-2025-68113: salt + number is one text, wherever it is cut.
    solution = desk.solution()
    while solution["number"] < 10:
        solution = desk.solution()
    digits = str(solution["number"])
    moved = solution | {"salt": solution["salt"] + digits[0], "number": int(digits[1:])}
    assert not desk.takes(moved)
    assert solution["salt"].endswith("&")


def test_a_challenge_is_good_for_two_minutes_and_no_longer(desk: Desk) -> None:
    solution = desk.solution()
    made = desk.world.time
    desk.world.time = made + LIFETIME - (made - made.replace(microsecond=0))
    desk.world.pass_time(microseconds=-1)
    assert desk.takes(solution)
    desk.world.pass_time(microseconds=1)
    assert not desk.takes(solution)


@pytest.mark.parametrize(
    ("asked", "answered", "taken"),
    [
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("2001:db8:0:1::1", "192.0.2.7", False),
        ("unknown", "192.0.2.7", False),
    ],
)
def test_a_challenge_is_for_the_network_that_asked(
    desk: Desk, asked: str, answered: str, taken: bool
) -> None:
    assert desk.takes(desk.solution(asked), answered) is taken


def test_a_challenge_of_another_instance_is_refused(desk: Desk) -> None:
    assert not desk.takes(Desk("another").solution())


def test_a_challenge_made_before_the_key_was_changed_is_taken(desk: Desk) -> None:
    old = keyring("old").active(Purpose.TOKEN)
    retired = Key(old.id, old.purpose, State.RETIRED, old.secret)
    after = Challenges(keyring(retired=(retired,)), desk.spent, desk.world.world, difficulty=50)
    solution = Desk("old").solution()
    assert after.check(HERE, header_of(solution)) == solution["challenge"]


async def test_of_32_racing_uses_of_a_solution_one_is_taken(desk: Desk) -> None:
    challenge = desk.challenges.check(HERE, header_of(desk.solution()))
    results = await asyncio.gather(
        *(desk.challenges.spend(challenge) for _ in range(32)), return_exceptions=True
    )
    assert results.count(None) == 1
    assert sum(isinstance(result, ChallengeInvalid) for result in results) == 31
    # Kept for longer than any clock lets it live.
    assert desk.spent.spent[challenge] >= 2 * LIFETIME


async def test_without_shared_state_nothing_is_taken(desk: Desk) -> None:
    desk.spent.faults.always = Fault.FAILS
    with pytest.raises(Unavailable):
        await desk.challenges.spend("a challenge")


def test_numbers_are_drawn_from_the_whole_range_and_no_further() -> None:
    desk = Desk(difficulty=3)
    drawn = {number_of(asdict(desk.challenges.issue(HERE))) for _ in range(200)}
    assert drawn == {0, 1, 2, 3}


def test_no_two_challenges_are_the_same(desk: Desk) -> None:
    made = [desk.challenges.issue(HERE) for _ in range(100)]
    assert len({each.salt for each in made}) == len({each.challenge for each in made}) == 100
    # One block of SHA-256 with any number that may be set, so that old phones have half the work.
    assert all(len(each.salt) + len("1000000000") <= 55 for each in made)
