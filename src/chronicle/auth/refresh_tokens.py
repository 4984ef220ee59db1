"""Refresh tokens: opaque to clients, and told apart here as current, spent or never ours.

A token is base64url of `session id (16) | generation (4, big-endian) | secret (32) | MAC (16)`.
The MAC proves that it was issued here, so that a spent token (a replay: its session ends) is
never confused with one that somebody made up (refused, and nothing else happens).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from chronicle.auth.ports import SessionId
from chronicle.errors import Unauthenticated
from chronicle.security.encryption import derive
from chronicle.security.keys import Keyring, Purpose

_SECRET_BYTES = 32
_MAC_BYTES = 16
_BODY_BYTES = 16 + 4 + _SECRET_BYTES


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A genuine token of a session; `digest` is the SHA-256 by which it is stored."""

    session_id: SessionId
    generation: int
    digest: bytes


class RefreshTokens:
    """Issues and reads refresh tokens."""

    def __init__(self, keys: Keyring, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        keys.follow(self._use)

    def _use(self, keys: Keyring) -> None:
        self._keys = [derive(key.secret, "chronicle/refresh/v1") for key in keys.of(Purpose.TOKEN)]

    def issue(self, session_id: SessionId, generation: int) -> str:
        """A new token."""
        body = session_id + generation.to_bytes(4, "big") + self._random_bytes(_SECRET_BYTES)
        return _text(body + _mac(self._keys[0], body))

    def read(self, text: str) -> RefreshToken:
        """The token in a text.

        Raises:
            Unauthenticated: it was not issued here.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unauthenticated from error
        if _text(raw) != text:  # the same bytes spelt otherwise would have another digest
            raise Unauthenticated
        body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        if not any(hmac.compare_digest(mac, _mac(key, body)) for key in self._keys):
            raise Unauthenticated
        return RefreshToken(SessionId(body[:16]), int.from_bytes(body[16:20], "big"), digest(text))


def digest(text: str) -> bytes:
    """The SHA-256 under which a token is stored."""
    return hashlib.sha256(text.encode()).digest()


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, hashlib.sha256)[:_MAC_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
