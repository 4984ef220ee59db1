"""The two ways in which Chronicle hashes passwords; the setting says which."""

import base64
import hmac
import re
from typing import Protocol

import bcrypt
from argon2 import PasswordHasher


class PasswordScheme(Protocol):
    """A way to hash passwords, with its costs. Its hashes name all that verifying them takes."""

    def hash(self, password: str) -> str:
        """The hash of a normalised password, with a salt of its own."""

    def is_current(self, password_hash: str) -> bool:
        """Whether this scheme, at these costs, made the hash."""


class Argon2id:
    """Argon2id (RFC 9106), in the PHC string format."""

    def __init__(self, *, memory_kib: int, time_cost: int, parallelism: int) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism
        )
        # Such as "$argon2id$v=19$m=19456,t=2,p=1$": what the hasher writes in front of each salt.
        sample = self._hasher.hash("")
        self._costs = sample.rpartition("$")[0].rpartition("$")[0] + "$"
        self._length = len(sample)  # that of the salt and of the tag, too

    def hash(self, password: str) -> str:
        """The PHC string of a normalised password."""
        return self._hasher.hash(password)

    def is_current(self, password_hash: str) -> bool:
        """Whether it is an argon2id hash of just these costs and lengths."""
        return password_hash.startswith(self._costs) and len(password_hash) == self._length


class BcryptSha256:
    """bcrypt behind an HMAC, in the format that passlib calls `bcrypt_sha256`, version 2.

    bcrypt alone looks at 72 bytes and no further. Keyed with the salt, the HMAC's output is no hash
    that could have leaked from another system and be tried here without knowing its password.
    """

    _FORMAT = re.compile(r"\$bcrypt-sha256\$v=2,t=2b,r=([0-9]{1,2})\$[./A-Za-z0-9]{22}\$.{31}")

    def __init__(self, *, cost: int) -> None:
        self._cost = cost

    def hash(self, password: str) -> str:
        """The hash of a normalised password."""
        salt = bcrypt.gensalt(self._cost)
        return (
            f"$bcrypt-sha256$v=2,t=2b,r={self._cost}${salt[-22:].decode()}"
            f"${bcrypt_sha256_digest(password.encode(), salt).decode()}"
        )

    def is_current(self, password_hash: str) -> bool:
        """Whether it is such a hash of just this cost."""
        match = self._FORMAT.fullmatch(password_hash)
        return match is not None and int(match[1]) == self._cost


def bcrypt_sha256_digest(password: bytes, salt: bytes) -> bytes:
    """The last 31 characters of the bcrypt hash of a password's keyed hash.

    `salt` is bcrypt's: version, cost and 22 characters, which are also the key.
    """
    keyed = base64.b64encode(hmac.digest(salt[-22:], password, "sha256"))
    return bcrypt.hashpw(keyed, salt)[-31:]
