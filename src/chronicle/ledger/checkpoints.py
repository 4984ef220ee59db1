"""Checkpoints (https://c2sp.org/tlog-checkpoint): the name, size and root of a log, signed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from chronicle.ledger.base64_lines import decode_base64, encode_base64
from chronicle.ledger.failures import Unreadable
from chronicle.ledger.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from chronicle.ledger.notes import Signer, Verifier, parse_note, verified_by
from chronicle.ledger.ports import Checkpoints, StoredCheckpoint, TreeHead

EMPTY_TREE = TreeHead(0, EMPTY_ROOT)

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The body of a checkpoint. `extensions` are further lines, which prove nothing."""

    origin: str
    head: TreeHead
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The body as it is signed."""
        root = encode_base64(self.head.root)
        return "\n".join((self.origin, str(self.head.size), root, *self.extensions)) + "\n"


def parse_decimal(text: str) -> int:
    """A number of entries or an index, without leading zeros and below 2^63.

    Raises:
        Unreadable: anything else.
    """
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise Unreadable("not a decimal number in its one form")
    return int(text)


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the body of a checkpoint.

    Raises:
        Unreadable: it does not follow the format.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "" or "" in lines:
        raise Unreadable("a checkpoint has three lines or more, none of them empty")
    origin, size, root, *extensions = lines
    head = TreeHead(parse_decimal(size), decode_base64(root))
    if len(head.root) != HASH_BYTES:
        raise Unreadable("the root in the checkpoint is not a SHA-256 hash")
    if head.size == 0 and head.root != EMPTY_ROOT:
        raise Unreadable("an empty log with a root that is not that of an empty tree")
    return Checkpoint(origin, head, tuple(extensions))


def sign_checkpoint(signer: Signer, head: TreeHead) -> bytes:
    """The signed note for a tree head. The log's name is the name of its key."""
    return signer.sign(Checkpoint(signer.name, head).text())


def open_checkpoint(
    note: bytes, trusted: Iterable[Verifier]
) -> tuple[Checkpoint, tuple[Verifier, ...]]:
    """The checkpoint in a note, and which of the trusted keys signed it (maybe none).

    Raises:
        Unreadable: not a signed checkpoint; `BadSignature` if one by a trusted key does not fit.
    """
    parsed = parse_note(note)
    return parse_checkpoint(parsed.text), verified_by(parsed, trusted)


async def settled_origin(checkpoints: Checkpoints, wanted: str) -> str:
    """The name of the log: the stored one once it has begun, and until then the wanted one.

    A log keeps its name when the server's address changes: proofs carry it for good.
    """
    stored: StoredCheckpoint | None = await checkpoints.load()
    return stored.origin if stored else wanted
