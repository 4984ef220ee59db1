"""Signed notes (https://c2sp.org/signed-note): a text, and Ed25519 signatures under it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chronicle.ledger.base64_lines import decode_base64, encode_base64
from chronicle.ledger.failures import BadSignature, Unreadable

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who, by which key (4 bytes), and the signature's own bytes."""

    name: str
    key_id: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text with its final newline, and the signatures under it. Nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with the name that it signs under."""

    name: str
    public_key: bytes

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """Read a verifier key, `name+8 hex digits+base64(0x01 | public key)`.

        Raises:
            Unreadable: not such a key, of another algorithm, or the digits are not its key id.
        """
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not is_key_name(parts[0]):
            raise Unreadable("a verifier key has the form name+id+key")
        encoded = decode_base64(parts[2])
        if len(encoded) != 33 or encoded[:1] != _ED25519:
            raise Unreadable("a verifier key that is not one of Ed25519")
        verifier = cls(parts[0], encoded[1:])
        if parts[1] != verifier.key_id.hex():
            raise Unreadable("the id in the verifier key is not that of the key")
        return verifier

    @property
    def key_id(self) -> bytes:
        """The four bytes that name this key in a signature line."""
        named = self.name.encode() + b"\n" + _ED25519 + self.public_key
        return hashlib.sha256(named).digest()[:_KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """The verifier key as published."""
        encoded = encode_base64(_ED25519 + self.public_key)
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether the signature is this key's over the text."""
        try:
            key = Ed25519PublicKey.from_public_bytes(self.public_key)
            key.verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """An Ed25519 key that signs under a name. `seed` is its 32-byte secret (RFC 8032)."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise ValueError("a key name has no space, no + and no control character")
        if len(self.seed) != 32:
            raise ValueError("an Ed25519 seed has 32 bytes")

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return Verifier(self.name, key.public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def verifier_key(self) -> str:
        """The public half as published: `name+hex8+base64`."""
        return self.verifier.text

    def sign(self, text: str) -> bytes:
        """The text as a signed note. It must end in a newline."""
        if not text.endswith("\n"):
            raise ValueError("a note ends in a newline")
        content = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        encoded = encode_base64(self.verifier.key_id + content)
        return f"{text}\n{_DASH}{self.name} {encoded}\n".encode()


def is_key_name(name: str) -> bool:
    """Whether a key, and so a log, can have this name."""
    return bool(name) and all(c > " " and not c.isspace() and c != "+" for c in name)


def parse_note(data: bytes) -> Note:
    """Read a signed note without verifying it.

    Raises:
        Unreadable: it does not follow the format.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise Unreadable("a note of more than a million bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("a note that is not UTF-8") from error
    if any(character < " " and character != "\n" for character in whole):
        raise Unreadable("a note with control characters")
    text, blank_line, lines = whole.rpartition("\n\n")
    if not blank_line or not lines.endswith("\n"):
        raise Unreadable("a note without signatures")
    signatures = tuple(_parse_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MAX_SIGNATURES:
        raise Unreadable(f"a note with more than {MAX_SIGNATURES} signatures")
    return Note(text + "\n", signatures)


def verified_by(note: Note, trusted: Iterable[Verifier]) -> tuple[Verifier, ...]:
    """Those of the trusted keys that signed the note; empty when none did.

    Raises:
        BadSignature: a signature under the name and id of a trusted key is not that key's; the
            note must be refused altogether.
    """
    known = {(key.name, key.key_id): key for key in trusted}
    signers: dict[Verifier, None] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verifies(note.text, signature.content):
            raise BadSignature(f"the signature of {key.name} does not fit the note")
        signers[key] = None
    return tuple(signers)


def _parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not is_key_name(name):
        raise Unreadable("a signature line of another form")
    content = decode_base64(encoded)
    if len(content) <= _KEY_ID_BYTES:
        raise Unreadable("a signature that is too short")
    return Signature(name, content[:_KEY_ID_BYTES], content[_KEY_ID_BYTES:])
