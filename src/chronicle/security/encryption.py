"""Field-by-field encryption of personal data and secrets, and blind indexes to find them by.

A sealed value is `version (1 byte, 0x01) | key id (8) | nonce (12) | ciphertext | tag (16)`:
AES-256-GCM (NIST SP 800-38D) with a random nonce. The associated data name the table, the record
and the field, so a value that was moved to another row, or to another column, no longer opens.
"""

import hashlib
import hmac
import secrets
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chronicle.security.keys import KEY_ID_BYTES, Keyring, Purpose

_VERSION = b"\x01"
_NONCE_BYTES = 12
_HEADER_BYTES = 1 + KEY_ID_BYTES
_BODY_AT = _HEADER_BYTES + _NONCE_BYTES


class SealBroken(ValueError):
    """A sealed value does not open here: altered, moved, cut, or its key is not at hand."""


def derive(secret: bytes, label: str) -> bytes:
    """A 32-byte key for one use, from a key of 32 bytes (HKDF-SHA-256, RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=label.encode()).derive(secret)


class FieldCipher:
    """Seals and opens single fields. One key writes; every key of the ring reads."""

    def __init__(self, keys: Keyring) -> None:
        keys.follow(self._use)

    def _use(self, keys: Keyring) -> None:
        self._ciphers = {
            key.id: AESGCM(derive(key.secret, "chronicle/field/v1"))
            for key in keys.of(Purpose.FIELD)
        }
        write_id = keys.active(Purpose.FIELD).id
        # One attribute: a value must never carry the id of another key than the one it is under.
        self._writer = write_id, self._ciphers[write_id]

    def seal(self, plaintext: bytes, *, table: str, record: bytes, field: str) -> bytes:
        """Encrypt one field of one record; 37 bytes longer than the plaintext."""
        write_id, cipher = self._writer
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = cipher.encrypt(nonce, plaintext, _bound_to(table, record, field))
        return b"".join((_VERSION, write_id, nonce, body))

    def open(self, sealed: bytes, *, table: str, record: bytes, field: str) -> bytes:
        """Decrypt one field.

        Raises:
            SealBroken: altered, moved from another record or field, or sealed by an unknown key.
        """
        cipher = self._ciphers.get(sealed[1:_HEADER_BYTES])
        if sealed[:1] != _VERSION or cipher is None:
            raise SealBroken(f"{table}.{field}: sealed by a key that is not at hand")
        try:
            return cipher.decrypt(
                sealed[_HEADER_BYTES:_BODY_AT],
                sealed[_BODY_AT:],
                _bound_to(table, record, field),
            )
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"{table}.{field}: altered, or not this record's") from error

    def seal_text(self, text: str | None, *, table: str, record: bytes, field: str) -> bytes | None:
        """Seal a text, or keep an absent one absent."""
        if text is None:
            return None
        return self.seal(text.encode(), table=table, record=record, field=field)

    def open_text(
        self, sealed: bytes | None, *, table: str, record: bytes, field: str
    ) -> str | None:
        """Open a text that may be absent."""
        if sealed is None:
            return None
        return self.open(sealed, table=table, record=record, field=field).decode()


@cache
def _prefix(table: str, field: str) -> bytes:
    return f"chronicle/v1/{table}/{field}/".encode()


def _bound_to(table: str, record: bytes, field: str) -> bytes:
    # Names are ours and hold no "/", and the record id comes last, so no two places share this.
    return _prefix(table, field) + record


class BlindIndex:
    """Equality look-ups over encrypted values: HMAC-SHA-256 under a key of its own."""

    def __init__(self, keys: Keyring) -> None:
        self._secret = keys.active(Purpose.INDEX).secret
        self._of_column = cache(self._keyed)

    def _keyed(self, column: str) -> hmac.HMAC:
        return hmac.new(derive(self._secret, f"chronicle/index/v1/{column}"), None, hashlib.sha256)

    def of(self, value: str, *, column: str) -> bytes:
        """The 32-byte index of a canonical value in one column."""
        keyed = self._of_column(column).copy()
        keyed.update(value.encode())
        return keyed.digest()
