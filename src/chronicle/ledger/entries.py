"""What stands in the log: an entry shows its time, and commits to everything else.

An entry is the DAG-CBOR map `{"v": 1, "t": unix seconds, "n": 16 bytes, "c": 32 bytes}`, of the
same size whatever it is about. `c` is SHA-256 over the DAG-CBOR list of `[field, commitment]`,
sorted by field; a commitment is HMAC-SHA-256 over the DAG-CBOR of the field's value under a key `r`
of its own, derived from the owner's ledger key and `n`. Who holds a value and its `r` can show that
one field and no other; once the ledger key is destroyed nothing more can be shown. The format is
for good: docs/adr/0001-ledger-entry-format.md says why it is so.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

from chronicle.ledger import dag_cbor
from chronicle.ledger.failures import Unreadable
from chronicle.ledger.merkle import leaf_hash

VERSION = 1
NONCE_BYTES = 16
KEY_BYTES = 32
DIGEST_BYTES = 32
MAX_ENTRY_BYTES = 65_535

# From 2^16 to 2^32 - 1 a time takes five bytes, so that entries of one age are of one size.
_EARLIEST = 2**16
_LATEST = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LONGEST_NAME = 32
_LABEL = "chronicle/ledger/v1/"

Value: TypeAlias = str | int | bytes
Commitments: TypeAlias = tuple[tuple[str, bytes], ...]
"""Pairs of a field's name and its 32-byte commitment, sorted by name."""


class NotThisEntry(ValueError):
    """The key or the fields are not those that the entry was composed of."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A field's value and the 32-byte key of its commitment: enough to show this field alone."""

    value: Value
    r: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ComposedEntry:
    """An entry ready for the log. `leaf` is its leaf hash; `commitments` are for its bundle."""

    entry: bytes
    commitments: Commitments
    leaf: bytes


@dataclass(frozen=True, slots=True)
class OpenedEntry:
    """An entry with all its commitments and the openings of some of its fields."""

    entry: bytes
    commitments: Commitments
    openings: Mapping[str, Opening]


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says to everyone: its time in whole seconds, a nonce, one digest."""

    at: datetime
    nonce: bytes
    digest: bytes


def compose(
    kind: str, fields: Mapping[str, Value], *, ledger_key: bytes, nonce: bytes, at: datetime
) -> ComposedEntry:
    """Make the entry for one event: its kind, and the fields that it has.

    Raises:
        ValueError: a name, value, key, nonce or time that an entry can't hold.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
    values = _values(kind, fields)
    extracted = _extracted(ledger_key, nonce)
    # Without `Opening`s: this is on the path of each sign-in.
    commitments = tuple(
        (name, _commitment(_blinding(extracted, name), values[name])) for name in sorted(values)
    )
    seconds = int(at.timestamp())
    if not _EARLIEST <= seconds <= _LATEST:
        raise ValueError("a time outside of what an entry can hold")
    entry = dag_cbor.encode({"v": VERSION, "t": seconds, "n": nonce, "c": digest_of(commitments)})
    return ComposedEntry(entry, commitments, leaf_hash(entry))


def open_fields(
    entry: bytes,
    kind: str,
    fields: Mapping[str, Value],
    *,
    ledger_key: bytes,
    only: Collection[str] | None = None,
) -> OpenedEntry:
    """Work out again what `compose` committed to, opening all fields or those in `only`.

    Raises:
        NotThisEntry: these are not the key and the fields that the entry was composed of.
        Unreadable: the entry is none.
    """
    parsed = parse_entry(entry)
    values = _values(kind, fields)
    extracted = _extracted(ledger_key, parsed.nonce)
    openings = {name: Opening(values[name], _blinding(extracted, name)) for name in sorted(values)}
    commitments = tuple((name, commit(opening)) for name, opening in openings.items())
    if digest_of(commitments) != parsed.digest:
        raise NotThisEntry("the entry commits to other fields, or under another key")
    shown = {name: opened for name, opened in openings.items() if only is None or name in only}
    return OpenedEntry(entry, commitments, shown)


def parse_entry(entry: bytes) -> Entry:
    """Read an entry.

    Raises:
        Unreadable: not an entry of version 1 in its one encoding.
    """
    match dag_cbor.decode(entry):
        case {"v": 1, "t": int(seconds), "n": bytes(nonce), "c": bytes(digest), **rest} if (
            not rest
            and _EARLIEST <= seconds <= _LATEST
            and len(nonce) == NONCE_BYTES
            and len(digest) == DIGEST_BYTES
        ):
            return Entry(datetime.fromtimestamp(seconds, UTC), nonce, digest)
    raise Unreadable("not a ledger entry of version 1")


def digest_of(commitments: Commitments) -> bytes:
    """The `c` of an entry: one hash over all its commitments."""
    return hashlib.sha256(dag_cbor.encode([[name, each] for name, each in commitments])).digest()


def is_field_name(name: str) -> bool:
    """Whether an entry can have a field of this name."""
    return len(name) <= _LONGEST_NAME and _is_field(name)


@lru_cache(maxsize=256)
def _is_field(name: str) -> bool:
    return _FIELD.fullmatch(name) is not None


def commit(opening: Opening) -> bytes:
    """The commitment that this value and key make.

    `r` must have exactly 32 bytes: HMAC pads shorter keys, so two keys could make one commitment.
    """
    if len(opening.r) != KEY_BYTES:
        raise ValueError(f"the key of a commitment has {KEY_BYTES} bytes")
    return _commitment(opening.r, opening.value)


def check_commitments(entry: bytes, commitments: Commitments) -> bool:
    """Whether the entry commits to exactly these commitments."""
    return hmac.compare_digest(parse_entry(entry).digest, digest_of(commitments))


def check_opening(commitments: Commitments, name: str, opening: Opening) -> bool:
    """Whether the opening is that of the commitment to the field."""
    committed = dict(commitments).get(name)
    return committed is not None and hmac.compare_digest(committed, commit(opening))


def _values(kind: str, fields: Mapping[str, Value]) -> dict[str, Value]:
    if "kind" in fields:
        raise ValueError("the kind is given apart from the fields")
    values: dict[str, Value] = {"kind": str(kind), **fields}
    for name, value in values.items():
        _refuse_unfit(name, value)
    return values


def _refuse_unfit(name: str, value: Value) -> None:
    if not is_field_name(name):
        raise ValueError(f"{name!r} can't be a field of an entry")
    if isinstance(value, bool) or not isinstance(value, str | int | bytes):
        raise ValueError(f"{name}: a value is a text, an integer or bytes")  # noqa: TRY004
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{name}: an integer has at most 64 bits")
    if isinstance(value, str):
        value.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError


def _commitment(r: bytes, value: Value) -> bytes:
    return hmac.digest(r, dag_cbor.encode(value), hashlib.sha256)


def _extracted(ledger_key: bytes, nonce: bytes) -> bytes:
    # HKDF (RFC 5869) salted with the nonce: all keys of an entry share its first half.
    if len(ledger_key) != KEY_BYTES:
        raise ValueError(f"a ledger key has {KEY_BYTES} bytes")
    return hmac.digest(nonce, ledger_key, hashlib.sha256)


def _blinding(extracted: bytes, name: str) -> bytes:
    # HKDF-Expand (RFC 5869 2.3): a key of one digest is one HMAC.
    return hmac.digest(extracted, (_LABEL + name).encode() + b"\x01", hashlib.sha256)
