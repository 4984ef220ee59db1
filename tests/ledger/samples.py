"""A small log and proofs from it, made of the public parts alone."""

from collections.abc import Mapping

from chronicle.ledger.bundles import ProofBundle, encode_bundle, parse_bundle
from chronicle.ledger.checkpoints import sign_checkpoint
from chronicle.ledger.entries import OpenedEntry, Value, compose, open_fields
from chronicle.ledger.merkle import inclusion_ranges, leaf_hash, root_of
from chronicle.ledger.notes import Signer
from chronicle.ledger.tiles import Edge, grow
from tests.fakes.ledger import NOW, SIGNER, make_entry

LEDGER_KEY = b"owner's ledger key, of 32 bytes."
NONCE = bytes(range(16))
FIELDS: Mapping[str, Value] = {
    "owner": "018f2c5e-0000-7000-8000-000000000001",
    "cid": "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq",
    "profile": "unixfs-v1-2025",
    "size": 12,
    "name": "harbour at night.jpg",
}
KIND = "upload.received"


def opened(*only: str) -> OpenedEntry:
    """The sample entry, with some fields open; all of them when none are named."""
    entry = compose(KIND, FIELDS, ledger_key=LEDGER_KEY, nonce=NONCE, at=NOW).entry
    return open_fields(entry, KIND, FIELDS, ledger_key=LEDGER_KEY, only=only or None)


def bundle(entry: OpenedEntry, *, index: int = 5, size: int = 11, signer: Signer = SIGNER) -> bytes:
    """The proof that an entry stands at an index of a log of other entries."""
    entries = [make_entry(number) for number in range(size)]
    entries[index] = entry.entry
    leaves = [leaf_hash(each) for each in entries]
    hashes = tuple(root_of(leaves[start:stop]) for start, stop in inclusion_ranges(index, size))
    note = sign_checkpoint(signer, grow(Edge(), entries).edge.head)
    return encode_bundle(ProofBundle(index, hashes, note, entry))


def parsed(entry: OpenedEntry) -> ProofBundle:
    """The same as read."""
    return parse_bundle(bundle(entry))
