"""Proof of work: what a caller computes before anything is computed for it. Altcha's scheme.

A challenge is the SHA-256 of a salt and a number that its maker drew; whoever solves it finds the
number by trying. Nothing is kept of a challenge: its signature says that it was made here, for
which network and until when. Only that it was spent is kept, until it would have expired.

The salt ends in "&", and the signature covers it whole: otherwise digits could be moved between
the expiry at its end and the number that follows (CVE-2025-68113).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Protocol

import msgspec

from chronicle.errors import Denied
from chronicle.security.encryption import derive
from chronicle.security.keys import Keyring, Purpose
from chronicle.security.limits import networks_of
from chronicle.world import World

LIFETIME = timedelta(minutes=2)
LONGEST_SOLUTION = 1024
"""How many characters of a solution are looked at; a genuine one has about 350."""

ALGORITHM = "SHA-256"

_SALT_BYTES = 16
_EXPIRES = "?expires="


class ChallengeRequired(Denied):
    """A solved challenge is needed, and none was sent; nothing was done."""

    code = "challenge_required"
    message = (
        "Right now this needs a solved challenge. Get one at /api/auth/challenge, and send its "
        "solution in the Chronicle-Challenge header."
    )


class ChallengeInvalid(Denied):
    """What was sent is no solution, or no longer one; nothing was done."""

    code = "challenge_invalid"
    message = (
        "The solution is wrong, too old, used before, or of a challenge that another address got. "
        "Get a new challenge at /api/auth/challenge."
    )


@dataclass(frozen=True, slots=True)
class Challenge:
    """What is to be solved: the `number` up to `maxnumber` with SHA-256(salt + number)."""

    algorithm: str
    challenge: str
    salt: str
    maxnumber: int
    signature: str


class _Solution(msgspec.Struct, frozen=True):
    """A challenge and its number. What else a solver tells, such as the time it took, is let be."""

    algorithm: str
    challenge: str
    salt: str
    signature: str
    number: Annotated[int, msgspec.Meta(ge=0)]


class SpentChallenges(Protocol):
    """Which solutions were used, for all processes together."""

    async def spend(self, challenge: str, *, lifetime: timedelta) -> bool:
        """Note a challenge as used for so long; False if it was noted already.

        One atomic step: of racing callers, on any process, one is told True. May tell False to
        the only caller when a connection breaks: it errs on the side of refusing.

        Raises:
            Unavailable: it did not answer in time; the challenge may have been spent.
        """


class Challenges:
    """Makes challenges, and checks what comes back."""

    def __init__(
        self, keys: Keyring, spent: SpentChallenges, world: World, *, difficulty: int
    ) -> None:
        """`difficulty` is the largest number that may be drawn; half of it is tried on average."""
        self._spent = spent
        self._world = world
        self._difficulty = difficulty
        keys.follow(self._use)

    def _use(self, keys: Keyring) -> None:
        self._keys = [
            derive(key.secret, "chronicle/challenge/v1") for key in keys.of(Purpose.TOKEN)
        ]

    def issue(self, address: str) -> Challenge:
        """A challenge for the network of an address. Takes microseconds, and keeps nothing."""
        expires = int((self._world.now() + LIFETIME).timestamp())
        random = base64.urlsafe_b64encode(self._world.random_bytes(_SALT_BYTES)).rstrip(b"=")
        salt = f"{random.decode()}{_EXPIRES}{expires}&"
        number = _below(self._difficulty + 1, self._world.random_bytes)
        digest = _digest(salt, number)
        signature = _sign(self._keys[0], address, digest, salt)
        return Challenge(ALGORITHM, digest, salt, self._difficulty, signature)

    def check(self, address: str, text: str) -> str:
        """The challenge that a text solves (base64 of JSON). Takes microseconds.

        Raises:
            ChallengeInvalid: not made here, not for this network, expired, or not solved.
        """
        solution = _read(text)
        # The signature first: nothing else in it is worth a look unless we wrote it.
        if solution.algorithm != ALGORITHM or not any(
            hmac.compare_digest(
                _sign(key, address, solution.challenge, solution.salt).encode(),
                solution.signature.encode("utf-8", "replace"),
            )
            for key in self._keys
        ):
            raise ChallengeInvalid
        expires = int(solution.salt.rpartition(_EXPIRES)[2].removesuffix("&"))
        if self._world.now().timestamp() >= expires:
            raise ChallengeInvalid
        if _digest(solution.salt, solution.number) != solution.challenge:
            raise ChallengeInvalid
        return solution.challenge

    async def spend(self, challenge: str) -> None:
        """Use up a challenge that was solved.

        Raises:
            ChallengeInvalid: it was used before.
            Unavailable: it is not known whether it was.
        """
        # Twice as long as it lives: while a clock that was set back catches up, that is so long.
        if not await self._spent.spend(challenge, lifetime=2 * LIFETIME):
            raise ChallengeInvalid


def _read(text: str) -> _Solution:
    try:
        raw = base64.b64decode(text.translate(_STANDARD) + "=" * (-len(text) % 4), validate=True)
        return msgspec.json.decode(raw, type=_Solution)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise ChallengeInvalid from error


# Both alphabets of base64 are taken (RFC 4648 4 and 5).
_STANDARD = str.maketrans("-_", "+/")


def _digest(salt: str, number: int) -> str:
    return hashlib.sha256(f"{salt}{number}".encode("utf-8", "replace")).hexdigest()


def _sign(key: bytes, address: str, challenge: str, salt: str) -> str:
    # The /64 of IPv6: what one client may move through between asking and answering. The salt
    # comes last, so no two challenges have the same text.
    network = networks_of(address)[0][1]
    text = "\n".join((network, ALGORITHM, challenge, salt))
    return hmac.digest(key, text.encode("utf-8", "replace"), hashlib.sha256).hex()


def _below(count: int, random_bytes: Callable[[int], bytes]) -> int:
    # 64 bits more than are needed: what is left of a bias is below 2^-64.
    return int.from_bytes(random_bytes(8 + (count.bit_length() + 7) // 8), "big") % count
