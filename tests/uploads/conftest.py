"""An account and a desk over a world in memory."""

from dataclasses import dataclass

import pytest

from chronicle.ledger.log_reader import LogReader
from chronicle.ledger.sequencer import Sequencer
from chronicle.security.cursors import Cursors
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.uploads.receive import UploadDesk
from chronicle.users.accounts import AccountBook, NewAccount
from chronicle.users.emails import parse_email
from chronicle.users.ports import AccountId
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.tables import memory_tables
from tests.fakes.faults import Faults
from tests.fakes.ledger import SIGNER, MemoryTiles
from tests.fakes.uploads import Indexes, MemoryContents
from tests.fakes.world import FakeWorld, keyring

LARGEST_FILE = 5000


@dataclass
class Office:
    """The desk, what stands behind it, and the account that comes to it."""

    world: FakeWorld
    database: MemoryDatabase
    faults: Faults
    contents: MemoryContents
    indexes: Indexes
    sequencer: Sequencer
    desk: UploadDesk
    owner: AccountId

    @property
    def is_clean(self) -> bool:
        """Whether nothing of any upload is left, stored or half done."""
        contents = self.contents
        return not (self.database.uploads or contents.contents or contents.marks or contents.live)


@pytest.fixture
async def office() -> Office:
    return await open_office()


async def open_office() -> Office:
    """A desk, and somebody to come to it."""
    world, database, faults = FakeWorld(), MemoryDatabase(), Faults()
    tables = memory_tables(database, faults)
    cipher = FieldCipher(keyring())
    book = AccountBook(tables.accounts, cipher, BlindIndex(keyring()), world.world)
    tiles = MemoryTiles()
    sequencer = Sequencer(
        store=tiles,
        checkpoints=tables.checkpoints,
        sources=[tables.uploads],
        signer=SIGNER,
        clock=world.world.now,
    )
    contents, indexes = MemoryContents(tables.uploads.has_cid, faults), Indexes(database)
    desk = UploadDesk(
        uploads=tables.uploads,
        contents=contents,
        book=book,
        cipher=cipher,
        index=BlindIndex(keyring()),
        cursors=Cursors(keyring()),
        indexing=indexes,
        log=LogReader(tiles),
        world=world.world,
        largest_file=LARGEST_FILE,
    )
    owner = AccountId(world.world.new_id())
    email = parse_email("ada@example.org")
    await book.open(NewAccount(owner, email, True, None, "hash"))
    return Office(world, database, faults, contents, indexes, sequencer, desk, owner)
