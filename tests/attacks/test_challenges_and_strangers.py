"""What a challenge that is demanded tells of who has an account: nothing."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chronicle.api.challenge import Admission, ChallengeDesk
from chronicle.api.rate_limit import ANSWER_HEADERS
from chronicle.security.challenges import ChallengeRequired, Challenges
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.security.known_devices import DeviceBook
from chronicle.security.load_watch import LoadWatch
from chronicle.security.ports import KnownDeviceRecord
from chronicle.security.visitors import visitor
from chronicle.setting_choices import ChallengeDemand
from chronicle.users.accounts import AccountBook
from tests.fakes.challenges import InMemorySpentChallenges
from tests.fakes.world import FakeWorld, keyring


class CountedDevices:
    """Knows one device, and counts who asks."""

    def __init__(self, world: FakeWorld) -> None:
        self.asked = 0
        self._device = KnownDeviceRecord(
            id=bytes(16),
            account_id=b"somebody else's.",
            epoch=0,
            token_hash=bytes(32),
            visitor=b"",
            created_at=world.time,
            last_used_at=world.time,
            expires_at=world.time + timedelta(days=1),
        )

    async def find(self, token_hash: bytes, *, now: object) -> KnownDeviceRecord:
        self.asked += 1
        return self._device


class OneAccount:
    """A table with one account in it, or none."""

    def __init__(self, record: object) -> None:
        self._record = record

    async def find_by_email(self, email_index: bytes) -> object:
        return self._record


@pytest.mark.parametrize("has_account", [True, False])
async def test_a_device_of_somebody_else_s_costs_the_same_look_ups_whoever_is_meant(
    has_account: bool,
) -> None:
    world = FakeWorld()
    keys = keyring()
    devices = CountedDevices(world)
    account = SimpleNamespace(id=b"another account.", epoch=0) if has_account else None
    cipher = FieldCipher(keys)
    index = BlindIndex(keys)
    book = DeviceBook(cast(Any, devices), cipher, index, world.world)
    token, _ = book.first_use(b"somebody else.  ", visitor("192.0.2.7", "Firefox"), epoch=0)
    desk = ChallengeDesk(
        demand=ChallengeDemand.ALWAYS,
        challenges=Challenges(keys, InMemorySpentChallenges(), world.world, difficulty=50),
        load=LoadWatch(world.world.now),
        devices=book,
        book=AccountBook(cast(Any, OneAccount(account)), cipher, index, world.world),
    )
    call = SimpleNamespace(
        body=SimpleNamespace(email="ada@example.org"), scope={ANSWER_HEADERS: []}
    )
    with pytest.raises(ChallengeRequired):
        await desk.run(cast(Any, None), cast(Any, call), Admission(device=token))
    assert devices.asked == 1
