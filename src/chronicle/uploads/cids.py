"""Content identifiers (https://github.com/multiformats/cid): written, and read strictly.

Two kinds occur here. A CIDv0 is the base58btc text of a SHA-256 multihash and always names a
dag-pb block; a CIDv1 is `b` and the lower-case, unpadded base32 of version, codec and multihash.
There is one text for each CID, and no other is read.
"""

import base64
import re
from dataclasses import dataclass

from chronicle.errors import Rejected

RAW = 0x55
DAG_PB = 0x70

DIGEST_BYTES = 32
_SHA2_256 = b"\x12\x20"
_CIDV0_CHARACTERS = 46
_CIDV1_CHARACTERS = 59
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_VALUE = {character: value for value, character in enumerate(_BASE58)}
_CIDV0 = re.compile(rf"Qm[{_BASE58}]{{{_CIDV0_CHARACTERS - 2}}}")
_CIDV1 = re.compile(rf"b[a-z2-7]{{{_CIDV1_CHARACTERS - 1}}}")


class InvalidCid(Rejected):
    """A text or bytes that are not a CID of a kind that occurs here."""

    code = "invalid_cid"
    message = "This is not a CID as Chronicle writes them."


@dataclass(frozen=True, slots=True)
class Cid:
    """One block's identifier: version 0 or 1, codec (`RAW` or `DAG_PB`), SHA-256 digest."""

    version: int
    codec: int
    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != DIGEST_BYTES:
            raise ValueError(f"a SHA-256 digest has {DIGEST_BYTES} bytes")
        if (self.version, self.codec) not in {(0, DAG_PB), (1, DAG_PB), (1, RAW)}:
            raise ValueError("not a version and codec that occur here")

    def __bytes__(self) -> bytes:
        """The binary form, as it stands in links: 34 bytes for version 0, 36 for version 1."""
        multihash = _SHA2_256 + self.digest
        return multihash if self.version == 0 else bytes((1, self.codec)) + multihash

    def __str__(self) -> str:
        """The canonical text."""
        if self.version == 0:
            return _base58(bytes(self))
        return "b" + base64.b32encode(bytes(self)).decode().rstrip("=").lower()

    @classmethod
    def parse(cls, text: str) -> "Cid":
        """Read a CID from its canonical text.

        Raises:
            InvalidCid: another form, codec or hash, or not a CID at all.
        """
        if _CIDV0.fullmatch(text):
            cid = cls.from_bytes(_from_base58(text))
        elif _CIDV1.fullmatch(text):
            padding = "=" * (-(_CIDV1_CHARACTERS - 1) % 8)
            cid = cls.from_bytes(base64.b32decode(text[1:].upper() + padding))
        else:
            raise InvalidCid
        # Base32's last character has spare bits, which must be zero: one text a CID.
        if str(cid) != text:
            raise InvalidCid
        return cid

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Cid":
        """Read a CID from its binary form.

        Raises:
            InvalidCid: another version, codec or hash.
        """
        head, digest = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
        if head == _SHA2_256:
            return cls(0, DAG_PB, digest)
        for codec in (RAW, DAG_PB):
            if head == bytes((1, codec)) + _SHA2_256:
                return cls(1, codec, digest)
        raise InvalidCid


def _base58(raw: bytes) -> str:
    # Only multihashes come here: they begin with 0x12, so leading zeros need no care.
    number = int.from_bytes(raw, "big")
    characters = []
    while number:
        number, remainder = divmod(number, 58)
        characters.append(_BASE58[remainder])
    return "".join(reversed(characters))


def _from_base58(text: str) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + _BASE58_VALUE[character]
    length = len(_SHA2_256) + DIGEST_BYTES
    if number.bit_length() > 8 * length:
        raise InvalidCid
    return number.to_bytes(length, "big")
