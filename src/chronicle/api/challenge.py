"""Where strangers can make work, they may have to do some first: the challenge over HTTP.

A route that says `challenge=` demands a solution while the setting says so. Whoever has none is
refused before anything is read, looked up or counted.
"""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import msgspec

from chronicle.api.endpoint import Call, Endpoint, Routes
from chronicle.api.gate import CLIENT_ADDRESS
from chronicle.api.known_devices import device_token
from chronicle.api.rate_limit import ANSWER_HEADERS
from chronicle.errors import TooMany, Unauthenticated
from chronicle.security.challenges import (
    LONGEST_SOLUTION,
    ChallengeInvalid,
    ChallengeRequired,
    Challenges,
)
from chronicle.security.known_devices import DeviceBook, DeviceToken
from chronicle.security.load_watch import LoadWatch
from chronicle.setting_choices import ChallengeDemand
from chronicle.users.accounts import AccountBook
from chronicle.users.emails import parse_email

endpoint = Routes("Sign-in")

PATH = "/api/auth/challenge"
HEADER = "chronicle-challenge"
WHERE_HEADER = (b"chronicle-challenge-at", PATH.encode())
"""In a refusal: where to get a challenge."""


class Whom(StrEnum):
    """Of whom a route may demand a challenge."""

    EVERYBODY = "everybody"
    ALL_BUT_KNOWN_DEVICES = "all but known devices"
    """Not of a browser that the account in the body's `email` knows."""


class ChallengeToSolve(msgspec.Struct):
    """Find the `number` from 0 to `maxnumber` with SHA-256(salt + number) = `challenge`, in hex.

    The number is appended in decimal digits. The solution is `{algorithm, challenge, number, salt,
    signature}` as JSON in base64, good once, for two minutes, from the same address (or /64).
    """

    algorithm: str
    challenge: str
    salt: str
    maxnumber: int
    signature: str


@endpoint.get(PATH, answers=ChallengeToSolve)
async def get_challenge(call: Call[None, None]) -> ChallengeToSolve:
    """A challenge whose solution goes into `Chronicle-Challenge` where one is demanded."""
    made = call.app.challenges.challenges.issue(call.scope[CLIENT_ADDRESS])
    return ChallengeToSolve(
        made.algorithm, made.challenge, made.salt, made.maxnumber, made.signature
    )


@dataclass(frozen=True, slots=True)
class Admission:
    """On what ground a call was let in: a solved challenge, or the token of a known device."""

    solved: str | None = None
    device: DeviceToken | None = None


_FREELY = Admission()


@dataclass(frozen=True, slots=True)
class ChallengeDesk:
    """Demands challenges and takes their solutions."""

    demand: ChallengeDemand
    challenges: Challenges
    load: LoadWatch
    devices: DeviceBook
    book: AccountBook

    @property
    def is_demanded(self) -> bool:
        """Whether a solution is needed now."""
        if self.demand is ChallengeDemand.UNDER_LOAD:
            return self.load.is_high
        return self.demand is ChallengeDemand.ALWAYS

    async def admit(self, call: Call[Any, Any], whom: Whom) -> Admission:
        """Let a call in for now, by its headers alone; `run` has the last word.

        Raises:
            ChallengeRequired: it has no solution, and no device that anybody knows.
            ChallengeInvalid: it has one that is not good.
        """
        if not self.is_demanded:
            return _FREELY
        sent = call.headers.getlist(HEADER)
        if sent:
            return Admission(solved=self._check(call, sent))
        if whom is Whom.ALL_BUT_KNOWN_DEVICES:
            token = device_token(call)
            if token is not None and await self.devices.is_known(token):
                return Admission(device=token)
        raise self._required(call)

    async def run(self, route: Endpoint, call: Call[Any, Any], admission: Admission) -> Any:
        """What the route answers, once the call was let in for good; what it cost is noted.

        Raises:
            ChallengeInvalid: the solution was used before.
            ChallengeRequired: the device is somebody else's.
            Unavailable: whether the solution was used before is not known.
        """
        await self._settle(call, admission)
        try:
            result = await route.handler(call)
        except (Unauthenticated, TooMany):
            self.load.note()
            raise
        if route.status == HTTPStatus.ACCEPTED:  # a mail was asked for
            self.load.note()
        return result

    async def _settle(self, call: Call[Any, Any], admission: Admission) -> None:
        """Spend the solution, or see that the device is one of the account that is meant."""
        if admission.solved is not None:
            try:
                await self.challenges.spend(admission.solved)
            except ChallengeInvalid:
                _say_where(call)
                raise
        elif admission.device is not None:
            # The same look-ups whether or not there is an account: how long it takes says nothing.
            account = await self.book.find(parse_email(call.body.email))
            known = await self.devices.recognise(
                account.id if account else None,
                admission.device,
                epoch=account.epoch if account else 0,
            )
            if known is None:
                raise self._required(call)

    def _check(self, call: Call[Any, Any], sent: list[str]) -> str:
        try:
            if len(sent) > 1 or len(sent[0]) > LONGEST_SOLUTION:
                raise ChallengeInvalid
            return self.challenges.check(call.scope[CLIENT_ADDRESS], sent[0])
        except ChallengeInvalid:
            _say_where(call)
            raise

    def _required(self, call: Call[Any, Any]) -> ChallengeRequired:
        _say_where(call)
        return ChallengeRequired()


def _say_where(call: Call[Any, Any]) -> None:
    call.scope[ANSWER_HEADERS].append(WHERE_HEADER)
