"""Opaque, signed cursors: a client hands back where a list stopped, and can't make one up."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Protocol, TypeVar

from chronicle.errors import Rejected
from chronicle.security.encryption import derive
from chronicle.security.keys import Keyring, Purpose

_TAG_BYTES = 16


class _Listed(Protocol):
    @property
    def id(self) -> bytes: ...


ListedT = TypeVar("ListedT", bound=_Listed)


class Cursors:
    """Makes and reads cursors. `kind` names the list, so that one list's don't work in another."""

    def __init__(self, keys: Keyring) -> None:
        self._keys = [derive(key.secret, "chronicle/cursor/v1") for key in keys.of(Purpose.CURSOR)]

    def encode(self, kind: str, position: bytes) -> str:
        """A cursor for a position in the list `kind`: base64url text."""
        return base64.urlsafe_b64encode(_tag(self._keys[0], kind, position) + position).decode()

    def cut(
        self, kind: str, records: Sequence[ListedT], limit: int
    ) -> tuple[Sequence[ListedT], str | None]:
        """The first `limit` records, and a cursor behind them if there are more than these."""
        shown = records[:limit]
        more = len(records) > limit
        return shown, self.encode(kind, shown[-1].id) if more else None

    def decode(self, kind: str, cursor: str) -> bytes:
        """The position that `encode` was given.

        Raises:
            Rejected: `invalid_cursor`, when it was not made here for this list.
        """
        try:
            raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise _not_ours() from error
        tag, position = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not any(hmac.compare_digest(tag, _tag(key, kind, position)) for key in self._keys):
            raise _not_ours()
        return position


def _tag(key: bytes, kind: str, position: bytes) -> bytes:
    return hmac.digest(key, kind.encode() + b"\0" + position, hashlib.sha256)[:_TAG_BYTES]


def _not_ours() -> Rejected:
    return Rejected("invalid_cursor", "The cursor was not made by this list. Start without one.")
