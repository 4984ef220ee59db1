"""Breached passwords by the range API of Have I Been Pwned, or of a server that copies it.

Only the first five of forty hexadecimal digits of a password's SHA-1 are sent; the answer lists
the rest of every known hash that begins so, about a thousand, and the password is looked for here.
Whoever answers, or watches, learns neither the password nor whether it was found.
"""

import asyncio
import hashlib
from types import TracebackType
from typing import Self

import httpx2

from chronicle.errors import Unavailable

_PREFIX_DIGITS = 5
_DEADLINE_SECONDS = 1.0
# Padded answers have up to about 1,500 lines of at most 50 bytes.
_MOST_BYTES = 2**19
_MOST_CONNECTIONS = 8
# `Add-Padding` hides from watchers, too, how long the answer was; its lines count zero.
_HEADERS = {"User-Agent": "Chronicle", "Add-Padding": "true"}


class HibpBreaches:
    """`auth.ports.BreachedPasswords` of an API whose origin is `url`."""

    def __init__(self, url: str, *, deadline_seconds: float = _DEADLINE_SECONDS) -> None:
        self._url = url
        self._deadline_seconds = deadline_seconds
        self._client = httpx2.AsyncClient(
            headers=_HEADERS,
            timeout=deadline_seconds,
            limits=httpx2.Limits(max_connections=_MOST_CONNECTIONS),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def contains(self, password: str) -> bool:
        """Whether the password's SHA-1 is among those known, other than as padding."""
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        prefix, rest = digest[:_PREFIX_DIGITS], digest[_PREFIX_DIGITS:]
        try:
            async with asyncio.timeout(self._deadline_seconds):
                listed = await self._ask(prefix)
        except (TimeoutError, httpx2.HTTPError) as error:
            raise _unavailable(type(error).__name__) from error
        return _is_listed(rest, listed)

    async def _ask(self, prefix: str) -> bytes:
        listed = bytearray()
        async with self._client.stream("GET", f"{self._url}/range/{prefix}") as answer:
            if answer.status_code != httpx2.codes.OK:
                raise _unavailable(f"status {answer.status_code}")
            async for piece in answer.aiter_bytes():
                listed += piece
                if len(listed) > _MOST_BYTES:
                    raise _unavailable("too long an answer")
        return bytes(listed)


def _is_listed(rest: str, listed: bytes) -> bool:
    """Whether a line `REST:COUNT` with a count above zero is there."""
    for line in listed.split(b"\n"):
        digits, _, count = line.strip().partition(b":")
        if digits.upper() == rest.encode():
            return count.strip(b"0") != b""
    return False


def _unavailable(reason: str) -> Unavailable:
    # The reason goes to the log, so nothing of the password or its hash may stand in it.
    return Unavailable("breaches_unavailable", f"The breach API did not answer well: {reason}.")
