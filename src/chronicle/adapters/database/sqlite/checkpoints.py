"""The ledger's checkpoint: one row, replaced by compare-and-swap."""

from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.ledger.ports import StoredCheckpoint, TreeHead


class SqliteCheckpoints:
    """`ledger.ports.Checkpoints` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def load(self) -> StoredCheckpoint | None:
        """The newest checkpoint; None before the log's first start."""
        row = self._engine.one("SELECT origin, size, root, note, staging FROM checkpoint", ())
        if row is None:
            return None
        origin, size, root, note, staging = row
        return StoredCheckpoint(origin, TreeHead(size, root), note, staging)

    async def start(self, first: StoredCheckpoint) -> StoredCheckpoint:
        """Store the first checkpoint unless there is one; answer the one that stands."""
        await self._engine.write(
            lambda db: db.execute(
                "INSERT INTO checkpoint (only, origin, size, root, note, staging) "
                "VALUES (1, ?, ?, ?, ?, ?) ON CONFLICT (only) DO NOTHING",
                (first.origin, first.head.size, first.head.root, first.note, first.staging),
            )
        )
        return await self.load() or first

    async def advance(self, expected: TreeHead, to: StoredCheckpoint) -> bool:
        """Replace the checkpoint only if its head is still `expected`, in one atomic write."""
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "UPDATE checkpoint SET size = ?, root = ?, note = ?, staging = ? "
                    "WHERE origin = ? AND size = ? AND root = ?",
                    (
                        to.head.size,
                        to.head.root,
                        to.note,
                        to.staging,
                        to.origin,
                        expected.size,
                        expected.root,
                    ),
                ).rowcount
            )
        )
        return changed == 1
