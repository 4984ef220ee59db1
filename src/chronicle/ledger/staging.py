"""One batch, staged: everything that is needed to finish it once a checkpoint has committed it.

Its path names the size and root that the batch leads to. A staging object that no checkpoint names
is nothing: the batch did not happen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chronicle.ledger import dag_cbor
from chronicle.ledger.failures import Unreadable
from chronicle.ledger.ports import TreeHead

FOLDER = "staging"


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of a source and the index that its entry gets."""

    source: str
    row_id: bytes
    index: int


@dataclass(frozen=True, slots=True)
class StagedBatch:
    """Entries that follow a tree of `size_before`, and the rows that they are from."""

    size_before: int
    entries: tuple[bytes, ...]
    marks: tuple[Mark, ...]


def staging_path(head: TreeHead) -> str:
    """Where the batch that leads to this head is staged."""
    return f"{FOLDER}/{head.size}-{head.root.hex()}"


def size_in(path: str) -> int | None:
    """The size that a staging path names, or None for a path of another form."""
    size = path.removeprefix(f"{FOLDER}/").partition("-")[0]
    return int(size) if size.isascii() and size.isdecimal() else None


def encode_batch(batch: StagedBatch) -> bytes:
    """The batch as a staging object: DAG-CBOR."""
    return dag_cbor.encode(
        {
            "v": 1,
            "before": batch.size_before,
            "entries": batch.entries,
            "marks": [[mark.source, mark.row_id, mark.index] for mark in batch.marks],
        }
    )


def decode_batch(content: bytes) -> StagedBatch:
    """Read a staging object.

    Raises:
        Unreadable: it is none.
    """
    match dag_cbor.decode(content):
        case {"v": 1, "before": int(before), "entries": list(entries), "marks": list(marks)}:
            return StagedBatch(before, _entries(entries), _marks(marks))
    raise Unreadable("not a staged batch of version 1")


def _entries(entries: Sequence[dag_cbor.Plain]) -> tuple[bytes, ...]:
    whole = tuple(entry for entry in entries if isinstance(entry, bytes))
    if len(whole) != len(entries):
        raise Unreadable("a staged entry that is not bytes")
    return whole


def _marks(marks: Sequence[dag_cbor.Plain]) -> tuple[Mark, ...]:
    read = []
    for mark in marks:
        match mark:
            case [str(source), bytes(row_id), int(index)]:
                read.append(Mark(source, row_id, index))
            case _:
                raise Unreadable("a staged mark of another form")
    return tuple(read)
