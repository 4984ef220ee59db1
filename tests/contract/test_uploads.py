"""What every uploads table promises."""

from dataclasses import replace

import pytest

from chronicle.errors import Conflict
from chronicle.ledger.ports import Placed
from chronicle.uploads.ports import UploadRecord, Uploads
from chronicle.users.ports import AccountRecord, Accounts
from tests.contract.test_accounts import an_account
from tests.fakes.world import FakeWorld


@pytest.fixture
async def owner(accounts: Accounts, world: FakeWorld) -> AccountRecord:
    record = an_account(world)
    await accounts.add(record)
    return record


def an_upload(world: FakeWorld, owner: AccountRecord, cid: str = "bafk1") -> UploadRecord:
    return UploadRecord(
        id=world.world.new_id(),
        account_id=owner.id,
        cid=cid,
        profile="unixfs-v1-2025",
        size=2**40,
        media_type="text/plain",
        name=b"sealed \x00\xff",
        note=None,
        visibility="public",
        pin_provider="local",
        pin_status="pinned",
        entry=b"entry",
        entry_index=None,
        created_at=world.time,
    )


async def test_an_upload_comes_back_to_its_owner_alone(
    uploads: Uploads, world: FakeWorld, owner: AccountRecord
) -> None:
    upload = an_upload(world, owner)
    await uploads.add(upload)
    assert await uploads.get(owner.id, upload.id) == upload
    stranger = an_account(world).id
    assert await uploads.get(stranger, upload.id) is None
    assert not await uploads.page(stranger, before=None, limit=10)


async def test_pages_go_from_the_newest_to_the_oldest(
    uploads: Uploads, world: FakeWorld, owner: AccountRecord
) -> None:
    added = []
    for number in range(5):
        world.pass_time(milliseconds=2)
        added.append(an_upload(world, owner, cid=f"bafk{number}"))
        await uploads.add(added[-1])
    first = await uploads.page(owner.id, before=None, limit=2)
    rest = await uploads.page(owner.id, before=first[-1].id, limit=10)
    assert [*first, *rest] == added[::-1]


async def test_a_cid_is_known_while_an_upload_refers_to_it(
    uploads: Uploads, world: FakeWorld, owner: AccountRecord
) -> None:
    await uploads.add(an_upload(world, owner, cid="bafkhere"))
    assert await uploads.has_cid("bafkhere")
    assert not await uploads.has_cid("bafkelsewhere")


async def test_an_upload_is_pending_until_it_is_placed(
    uploads: Uploads, world: FakeWorld, owner: AccountRecord
) -> None:
    upload = an_upload(world, owner)
    await uploads.add(upload)
    (pending,) = await uploads.pending(due=world.time, limit=10)
    assert (pending.row_id, pending.entry) == (upload.id, b"entry")
    await uploads.record_placed([Placed(upload.id, 3)])
    await uploads.record_placed([Placed(upload.id, 4)])
    assert not await uploads.pending(due=world.time, limit=10)
    placed = await uploads.get(owner.id, upload.id)
    assert placed is not None
    assert placed.entry_index == 3


async def test_a_key_is_used_once_and_found_again(
    uploads: Uploads, world: FakeWorld, owner: AccountRecord
) -> None:
    first = replace(an_upload(world, owner), key_index=b"k" * 32)
    await uploads.add(first)
    with pytest.raises(Conflict, match="idempotency_key_taken"):
        await uploads.add(replace(an_upload(world, owner), key_index=b"k" * 32))
    for _ in range(2):
        await uploads.add(an_upload(world, owner))
    assert await uploads.find_by_key(b"k" * 32) == first
    assert await uploads.find_by_key(b"?" * 32) is None
    assert len(await uploads.page(owner.id, before=None, limit=10)) == 3
