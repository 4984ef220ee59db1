"""Challenges while their keys are rotated."""

from dataclasses import asdict
from datetime import timedelta

import pytest

from chronicle.security.challenges import ChallengeInvalid, Challenges
from chronicle.security.key_rotation import rotated
from chronicle.security.keys import Keyring, Purpose, settled
from tests.challenges import header_of, solved
from tests.fakes.challenges import InMemorySpentChallenges
from tests.fakes.world import FakeWorld, keyring

HERE = "192.0.2.7"
OVERLAP = timedelta(minutes=10)


class TwoProcesses:
    """One that has been running since before a rotation, and one that starts after it."""

    def __init__(self) -> None:
        self.world = FakeWorld()
        self.spent = InMemorySpentChallenges()
        self.ring = keyring()
        self.running = self._started(self.ring)
        keys = rotated(
            self.ring,
            Purpose.TOKEN,
            now=self.world.time,
            after=OVERLAP,
            random=self.world.world.random_bytes,
        )
        self.ring.renew(keys)
        self.world.pass_time(minutes=11)
        self.ring.renew(settled(self.ring.all(), self.world.time))
        self.begun = self._started(Keyring(self.ring.all()))

    def _started(self, ring: Keyring) -> Challenges:
        return Challenges(ring, self.spent, self.world.world, difficulty=50)


def test_a_challenge_is_taken_by_every_process_also_after_a_rotation() -> None:
    both = TwoProcesses()
    for maker, taker in ((both.running, both.begun), (both.begun, both.running)):
        solution = solved(asdict(maker.issue(HERE)))
        assert taker.check(HERE, header_of(solution)) == solution["challenge"]


def test_a_key_that_was_taken_away_makes_no_challenge_any_more() -> None:
    both = TwoProcesses()
    stolen = keyring().active(Purpose.TOKEN)
    made_by_it = Challenges(keyring(), both.spent, both.world.world, difficulty=50).issue(HERE)
    solution = header_of(solved(asdict(made_by_it)))
    both.running.check(HERE, solution)
    both.ring.renew([key for key in both.ring.all() if key.id != stolen.id])
    with pytest.raises(ChallengeInvalid):
        both.running.check(HERE, solution)
