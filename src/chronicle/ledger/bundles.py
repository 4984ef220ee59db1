"""Proof bundles (https://c2sp.org/tlog-proof): one entry, its place, and what it opens.

The format's `extra` line holds the base64 of a DAG-CBOR map `{"entry": bytes, "commitments":
[[field, 32 bytes], ...], "openings": {field: {"value": ..., "r": 32 bytes}}}`. Nothing in it is
believed: the entry must hash to the leaf, the commitments to the entry, each opening to its
commitment.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chronicle.ledger import dag_cbor
from chronicle.ledger.base64_lines import decode_base64, encode_base64
from chronicle.ledger.checkpoints import parse_decimal
from chronicle.ledger.dag_cbor import Plain
from chronicle.ledger.entries import (
    DIGEST_BYTES,
    KEY_BYTES,
    MAX_ENTRY_BYTES,
    Commitments,
    OpenedEntry,
    Opening,
    is_field_name,
)
from chronicle.ledger.failures import Unreadable
from chronicle.ledger.merkle import HASH_BYTES

EXTENSION = ".tlog-proof"
MAX_BUNDLE_BYTES = 2_000_000

_FIRST_LINE = "c2sp.org/tlog-proof@v1"
_MAX_HASHES = 63


@dataclass(frozen=True, slots=True)
class ProofBundle:
    """A proof as read: nothing in it is checked yet.

    `hashes` lead from the leaf's sibling to the root; `checkpoint` is the signed note.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    opened: OpenedEntry


def encode_bundle(bundle: ProofBundle) -> bytes:
    """The bundle as the text of a `.tlog-proof` file."""
    lines = [
        _FIRST_LINE,
        f"extra {encode_base64(_encode_opened(bundle.opened))}",
        f"index {bundle.index}",
        *(encode_base64(each) for each in bundle.hashes),
        "\n",
    ]
    return "\n".join(lines).encode() + bundle.checkpoint


def parse_bundle(data: bytes) -> ProofBundle:
    """Read a bundle.

    Raises:
        Unreadable: it does not follow the format, or has no entry in its extra line.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise Unreadable("a proof of more than two million bytes")
    head, blank_line, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode().split("\n")
    except UnicodeDecodeError as error:
        raise Unreadable("a proof that is not UTF-8") from error
    if lines[0] != _FIRST_LINE or not blank_line:
        raise Unreadable(f"a proof begins with {_FIRST_LINE} and holds a checkpoint")
    if len(lines) < 3 or not lines[1].startswith("extra "):
        raise Unreadable("a proof without the entry that it is for")
    if not lines[2].startswith("index "):
        raise Unreadable("a proof without an index")
    opened = _parse_opened(decode_base64(lines[1].removeprefix("extra ")))
    index = parse_decimal(lines[2].removeprefix("index "))
    return ProofBundle(index, _parse_hashes(lines[3:]), checkpoint, opened)


def _parse_hashes(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > _MAX_HASHES:
        raise Unreadable("a proof with more hashes than any tree has levels")
    hashes = tuple(decode_base64(line) for line in lines)
    if any(len(each) != HASH_BYTES for each in hashes):
        raise Unreadable("a proof with a line that is not a SHA-256 hash")
    return hashes


def _encode_opened(opened: OpenedEntry) -> bytes:
    openings: Mapping[str, Plain] = {
        name: {"value": opening.value, "r": opening.r} for name, opening in opened.openings.items()
    }
    commitments: Plain = [[name, each] for name, each in opened.commitments]
    return dag_cbor.encode(
        {"entry": opened.entry, "commitments": commitments, "openings": openings}
    )


def _parse_opened(extra: bytes) -> OpenedEntry:
    match dag_cbor.decode(extra):
        case {
            "entry": bytes(entry),
            "commitments": list(commitments),
            "openings": dict(openings),
            **rest,
        } if not rest and len(entry) <= MAX_ENTRY_BYTES:
            return OpenedEntry(entry, _parse_commitments(commitments), _parse_openings(openings))
    raise Unreadable("the extra line is not an entry with commitments and openings")


def _parse_commitments(pairs: list[Plain]) -> Commitments:
    commitments = []
    for pair in pairs:
        match pair:
            case [str(name), bytes(digest)] if is_field_name(name) and len(digest) == DIGEST_BYTES:
                commitments.append((name, digest))
            case _:
                raise Unreadable("a commitment is a field and 32 bytes")
    names = [name for name, _ in commitments]
    if names != sorted(set(names)):
        raise Unreadable("commitments are sorted by field, each field once")
    return tuple(commitments)


def _parse_openings(openings: dict[str, Plain]) -> dict[str, Opening]:
    parsed = {}
    for name, opening in openings.items():
        match opening:
            case {"value": str() | int() | bytes() as value, "r": bytes(r), **rest} if (
                not rest and is_field_name(name) and len(r) == KEY_BYTES
            ):
                parsed[name] = Opening(value, r)
            case _:
                raise Unreadable("an opening is a value and a key of 32 bytes")
    return parsed
