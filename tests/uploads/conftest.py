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
from chronicle.users.ports import AccountId, AccountRecord
from tests.fakes.ledger import SIGNER, MemoryCheckpoints, MemoryTiles
from tests.fakes.uploads import Indexes, MemoryContents, MemoryUploads
from tests.fakes.world import FakeWorld, keyring

LARGEST_FILE = 5000


class MemoryAccounts:
    """As much of the accounts table as uploads need."""

    def __init__(self) -> None:
        self.rows: dict[AccountId, AccountRecord] = {}

    async def add(self, record: AccountRecord) -> None:
        self.rows[record.id] = record

    async def get(self, account_id: AccountId) -> AccountRecord | None:
        return self.rows.get(account_id)


@dataclass
class Office:
    """The desk, what stands behind it, and the account that comes to it."""

    world: FakeWorld
    accounts: MemoryAccounts
    uploads: MemoryUploads
    contents: MemoryContents
    indexes: Indexes
    sequencer: Sequencer
    desk: UploadDesk
    owner: AccountId

    @property
    def is_clean(self) -> bool:
        """Whether nothing of any upload is left, stored or half done."""
        contents = self.contents
        return not (self.uploads.rows or contents.contents or contents.marks or contents.live)


@pytest.fixture
async def office() -> Office:
    world, accounts, uploads = FakeWorld(), MemoryAccounts(), MemoryUploads()
    cipher = FieldCipher(keyring())
    book = AccountBook(accounts, cipher, BlindIndex(keyring()), world.world)
    tiles = MemoryTiles()
    sequencer = Sequencer(
        store=tiles,
        checkpoints=MemoryCheckpoints(),
        sources=[uploads],
        signer=SIGNER,
        clock=world.world.now,
    )
    contents, indexes = MemoryContents(uploads), Indexes(uploads)
    desk = UploadDesk(
        uploads=uploads,
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
    return Office(world, accounts, uploads, contents, indexes, sequencer, desk, owner)
