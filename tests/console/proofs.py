"""Proofs for the console's own tests, each with what the server's code says of it."""

import base64
import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from chronicle.cli.verify import EXIT_CODES, EXIT_UNREADABLE
from chronicle.ledger import verify
from chronicle.ledger.bundles import ProofBundle, encode_bundle, parse_bundle
from chronicle.ledger.checkpoints import sign_checkpoint
from chronicle.ledger.entries import ComposedEntry, compose, open_fields
from chronicle.ledger.failures import Unreadable
from chronicle.ledger.kinds import Kind, in_words
from chronicle.ledger.merkle import inclusion_ranges, root_of
from chronicle.ledger.notes import Signer
from chronicle.ledger.ports import TreeHead

SIGNER = Signer("ledger.example.org/chronicle", bytes(range(32)))
LEDGER_KEY = bytes(range(100, 132))
KIND = Kind.UPLOAD_RECEIVED
CID = "bafkreiam453b2qwydx6mya3ezpni26bue56bgv4e2mtbimv3jhumg6wpr4"
FIELDS = {
    "cid": CID,
    "media_type": "application/octet-stream",
    "name": "Bericht für März 🗂.bin",
    "profile": "unixfs-v1-2025",
    "size": 100,
}
BROKEN = 400


def write_proofs(path: Path) -> None:
    """Write everything that `proofs.test.mjs` judges."""
    sound = _proof(index=11, size=21)
    made = {
        "key": SIGNER.verifier_key,
        "otherKey": Signer("other.example.org", bytes(32)).verifier_key,
        "sameNameKey": Signer(SIGNER.name, bytes(32)).verifier_key,
        "index": 11,
        "opened": FIELDS,
        "file": {"size": 100, "cids": {"unixfs-v1-2025": CID}},
        "sound": _text(sound),
        "withoutCid": _text(_proof(index=3, size=8, only=("name", "size"))),
        "everywhere": [
            _text(_proof(index=index, size=size))
            for size in (1, 2, 3, 5, 8, 13, 22)
            for index in range(size)
        ],
        "broken": [{"proof": _text(proof), "outcome": _outcome(proof)} for proof in _broken(sound)],
        "exitCodes": EXIT_CODES | {"unreadable": EXIT_UNREADABLE},
        "kinds": {kind.value: in_words(kind.value) for kind in Kind},
    }
    path.write_text(json.dumps(made))


def _text(proof: bytes) -> str:
    return base64.b64encode(proof).decode()


def _composed(number: int) -> ComposedEntry:
    return compose(
        KIND,
        FIELDS,
        ledger_key=LEDGER_KEY,
        nonce=number.to_bytes(16, "big"),
        at=datetime(2026, 11, 23, 12, 0, number, tzinfo=UTC),
    )


def _proof(*, index: int, size: int, only: tuple[str, ...] | None = None) -> bytes:
    leaves = [_composed(number).leaf for number in range(size)]
    hashes = tuple(root_of(leaves[start:stop]) for start, stop in inclusion_ranges(index, size))
    checkpoint = sign_checkpoint(SIGNER, TreeHead(size, root_of(leaves)))
    entry = _composed(index).entry
    opened = open_fields(entry, KIND, FIELDS, ledger_key=LEDGER_KEY, only=only)
    return encode_bundle(ProofBundle(index, hashes, checkpoint, opened))


def _broken(sound: bytes) -> Iterable[bytes]:
    """Proofs that were damaged somewhere: bytes changed, left out, put in twice, lines swapped."""
    chance = random.Random(20261123)
    for _ in range(BROKEN):
        damaged = bytearray(sound)
        at = chance.randrange(len(damaged))
        match chance.randrange(5):
            case 0:
                damaged[at] ^= 1 << chance.randrange(8)
            case 1:
                del damaged[at]
            case 2:
                damaged.insert(at, damaged[at])
            case 3:
                del damaged[at:]
            case _:
                lines = bytes(damaged).split(b"\n")
                one, other = chance.sample(range(len(lines)), 2)
                lines[one], lines[other] = lines[other], lines[one]
                damaged = bytearray(b"\n".join(lines))
        yield bytes(damaged)
    yield from _crafted(sound)


def _crafted(sound: bytes) -> Iterable[bytes]:
    """Damage that chance would hardly find: an entry of another proof, a path of another tree."""
    other = parse_bundle(_proof(index=12, size=21))
    whole = parse_bundle(sound)
    yield encode_bundle(ProofBundle(whole.index, whole.hashes, whole.checkpoint, other.opened))
    yield encode_bundle(ProofBundle(whole.index, other.hashes, whole.checkpoint, whole.opened))
    yield encode_bundle(ProofBundle(12, whole.hashes, whole.checkpoint, whole.opened))
    yield encode_bundle(ProofBundle(2**62, whole.hashes, whole.checkpoint, whole.opened))
    yield encode_bundle(ProofBundle(whole.index, whole.hashes[:-1], whole.checkpoint, whole.opened))
    yield sound.replace(b"\n", b"\r\n")
    yield b""


def _outcome(proof: bytes) -> str:
    try:
        return verify.verify(parse_bundle(proof), trusted=[SIGNER.verifier]).outcome.value
    except Unreadable:
        return "unreadable"
