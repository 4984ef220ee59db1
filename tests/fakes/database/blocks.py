"""The table of blocked networks."""

from collections.abc import Sequence
from datetime import datetime

from chronicle.security.ports import BlockRecord
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.faults import Faults, step


class InMemoryBlocks:
    """`security.ports.Blocks`."""

    label = "blocks"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._database = database

    @step
    def put(self, record: BlockRecord) -> None:
        self._database.blocks[record.id] = record
        self._database.blocks_revision += 1

    @step
    def remove(self, block_id: bytes) -> bool:
        self._database.blocks_revision += 1
        return self._database.blocks.pop(block_id, None) is not None

    @step
    def all(self) -> Sequence[BlockRecord]:
        return list(self._database.blocks.values())

    @step
    def revision(self) -> int:
        return self._database.blocks_revision

    @step
    def forget(self, *, before: datetime) -> int:
        blocks = self._database.blocks
        old = [one.id for one in blocks.values() if one.expires_at and one.expires_at < before]
        for block_id in old:
            del blocks[block_id]
        return len(old)
