"""The ledger's checkpoint."""

from chronicle.ledger.ports import StoredCheckpoint, TreeHead
from tests.fakes.faults import Faults, step


class InMemoryCheckpoints:
    """`ledger.ports.Checkpoints`. `history` holds every one that ever stood."""

    label = "checkpoints"

    def __init__(
        self, faults: Faults | None = None, history: list[StoredCheckpoint] | None = None
    ) -> None:
        self.faults = faults or Faults()
        self.history: list[StoredCheckpoint] = [] if history is None else history

    def as_seen_by(self, faults: Faults) -> "InMemoryCheckpoints":
        """The same checkpoints, for another process."""
        return InMemoryCheckpoints(faults, self.history)

    @step
    def load(self) -> StoredCheckpoint | None:
        return self.history[-1] if self.history else None

    @step
    def start(self, first: StoredCheckpoint) -> StoredCheckpoint:
        if not self.history:
            self.history.append(first)
        return self.history[-1]

    @step
    def advance(self, expected: TreeHead, to: StoredCheckpoint) -> bool:
        if not self.history or self.history[-1].head != expected:
            return False
        self.history.append(to)
        return True
