"""Put pending entries into an order, each once, and work out the tree that they lead to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chronicle.ledger.ports import PendingEntry
from chronicle.ledger.staging import Mark, StagedBatch, encode_batch, staging_path
from chronicle.ledger.tiles import Edge, Growth, grow


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pending entry and the source that it is from."""

    source: str
    row: PendingEntry


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch with everything that comes of it. `path` is where `content` is staged."""

    batch: StagedBatch
    growth: Growth
    path: str
    content: bytes


def within(candidates: Iterable[Candidate], *, entries: int, total_bytes: int) -> list[Candidate]:
    """The first candidates up to a number of entries and of bytes; at least one."""
    taken: list[Candidate] = []
    used = 0
    for candidate in candidates:
        used += len(candidate.row.entry)
        if taken and (len(taken) == entries or used > total_bytes):
            break
        taken.append(candidate)
    return taken


def arrange(size_before: int, candidates: Sequence[Candidate]) -> StagedBatch:
    """Give indices in order. A row that comes twice, and an entry that does, is placed once."""
    indexes: dict[bytes, int] = {}
    marks: dict[tuple[str, bytes], Mark] = {}
    for candidate in candidates:
        source, row = candidate.source, candidate.row
        if (source, row.row_id) in marks:
            continue
        index = indexes.setdefault(row.entry, size_before + len(indexes))
        marks[source, row.row_id] = Mark(source, row.row_id, index)
    return StagedBatch(size_before, tuple(indexes), tuple(marks.values()))


def plan(edge: Edge, candidates: Sequence[Candidate]) -> Plan:
    """Work a batch out. Pure, and the costly part: about 50 µs an entry."""
    batch = arrange(edge.size, candidates)
    growth = grow(edge, batch.entries)
    return Plan(batch, growth, staging_path(growth.edge.head), encode_batch(batch))
