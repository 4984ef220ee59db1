import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from chronicle.errors import (
    Conflict,
    NotFound,
    Rejected,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from chronicle.ledger.bundles import parse_bundle
from chronicle.ledger.merkle import leaf_hash
from chronicle.ledger.verify import Outcome, verify
from chronicle.uploads.details import UploadDetails
from chronicle.uploads.events import UploadEvent
from chronicle.uploads.receive import find_profile
from chronicle.uploads.unixfs import compute_cid
from chronicle.users.ports import AccountId
from tests.fakes.faults import Fault
from tests.fakes.ledger import SIGNER
from tests.uploads.conftest import LARGEST_FILE, Office

DETAILS = UploadDetails("größe.txt", "text/plain", "a note", "public")
STRANGER = AccountId(bytes(16))


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def upload(
    office: Office, *content: bytes, details: UploadDetails = DETAILS, profile: str | None = None
) -> UploadEvent:
    office.world.pass_time(milliseconds=5)
    return await office.desk.receive(
        office.owner,
        pieces(*content),
        profile=find_profile(profile or "unixfs-v1-2025"),
        describe=lambda: details,
    )


async def test_an_upload_is_kept_recorded_and_indexed(office: Office) -> None:
    event = await upload(office, b"hello ", b"world")
    assert event.cid == compute_cid([b"hello world"])
    assert office.contents.contents == {event.cid: b"hello world"}
    assert (event.size, event.name, event.note) == (11, "größe.txt", "a note")
    assert (event.pin_provider, event.pin_status) == ("local", "pinned")
    assert event.index == 0
    (row,) = office.database.uploads.values()
    assert event.leaf_hash == leaf_hash(row.entry)
    assert event.created_at == office.world.time
    assert office.contents.marks == []
    assert office.contents.live == 0
    assert office.indexes.woken


async def test_an_upload_does_not_wait_for_ever_for_its_index(office: Office) -> None:
    office.indexes.stuck = True
    event = await upload(office, b"x")
    assert event.index is None
    assert office.database.uploads


async def test_name_and_note_are_sealed_in_the_row(office: Office) -> None:
    await upload(office, b"x")
    (row,) = office.database.uploads.values()
    stored = repr(row).encode() + row.name + (row.note or b"")
    assert "größe".encode() not in stored
    assert b"a note" not in stored


async def test_two_uploads_of_the_same_bytes_are_two_events(office: Office) -> None:
    first, second = await upload(office, b"same"), await upload(office, b"same")
    assert first.cid == second.cid
    assert first.id != second.id
    assert len(office.database.uploads) == 2


async def test_the_largest_file_is_taken_and_one_byte_more_is_not(office: Office) -> None:
    await upload(office, bytes(LARGEST_FILE - 1), b"x")
    office.database.uploads.clear()
    office.contents.contents.clear()
    with pytest.raises(TooLarge):
        await upload(office, bytes(LARGEST_FILE), b"x")
    assert office.is_clean


async def test_details_that_come_after_the_bytes_can_still_refuse_them(office: Office) -> None:
    def refuse() -> UploadDetails:
        raise Rejected(message="no")

    with pytest.raises(Rejected):
        await office.desk.receive(
            office.owner, pieces(b"x"), profile=find_profile("unixfs-v1-2025"), describe=refuse
        )
    assert office.is_clean


async def test_a_body_that_breaks_off_leaves_nothing(office: Office) -> None:
    async def cut_off() -> AsyncIterator[bytes]:
        yield b"the first half"
        raise Rejected("cut_off")

    with pytest.raises(Rejected):
        await office.desk.receive(
            office.owner,
            cut_off(),
            profile=find_profile("unixfs-v1-2025"),
            describe=lambda: DETAILS,
        )
    assert office.is_clean


@pytest.mark.parametrize("step", ["receive", "write", "keep"])
async def test_a_store_that_fails_leaves_nothing(office: Office, step: str) -> None:
    office.faults.named[f"contents.{step}"] = Fault.FAILS
    with pytest.raises(Unavailable):
        await upload(office, b"x")
    assert office.is_clean


async def test_a_store_that_fails_after_it_kept_the_bytes_leaves_nothing(office: Office) -> None:
    office.faults.named["contents.keep"] = Fault.FAILS_AFTER_IT_PERSISTED
    with pytest.raises(Unavailable):
        await upload(office, b"x")
    assert office.is_clean


async def test_a_database_that_fails_leaves_nothing(office: Office) -> None:
    office.faults.named["uploads.add"] = Fault.FAILS
    with pytest.raises(Unavailable):
        await upload(office, b"x")
    assert office.is_clean


async def test_a_reply_that_was_lost_after_the_commit_does_not_lose_the_upload(
    office: Office,
) -> None:
    office.faults.named["uploads.add"] = Fault.FAILS_AFTER_IT_PERSISTED
    event = await upload(office, b"x")
    assert await office.desk.get(office.owner, event.id) == event
    assert event.cid in office.contents.contents


async def test_where_nobody_knows_whether_it_was_committed_the_bytes_stay_marked(
    office: Office,
) -> None:
    office.faults.named["uploads.add"] = Fault.FAILS_AFTER_IT_PERSISTED
    for look in ("uploads.get", "uploads.has_cid"):
        office.faults.named[look] = Fault.FAILS
    with pytest.raises(Unavailable):
        await upload(office, b"x")
    cid = compute_cid([b"x"])
    assert cid in office.contents.contents
    assert office.contents.marks == [cid]


@pytest.mark.parametrize("step", ["write", "keep"])
async def test_a_cancelled_upload_leaves_nothing(office: Office, step: str) -> None:
    slow = office.faults.slow(f"contents.{step}")
    task = asyncio.ensure_future(upload(office, b"x"))
    await slow.holds(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert office.is_clean


async def test_an_upload_that_is_cancelled_while_it_is_committed_is_committed(
    office: Office,
) -> None:
    slow = office.faults.slow("uploads.add")
    task = asyncio.ensure_future(upload(office, b"x"))
    await slow.holds(task)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    slow.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(office.database.uploads) == 1
    assert office.contents.contents
    assert office.contents.marks == []
    assert office.indexes.woken


async def test_a_failing_upload_does_not_take_the_bytes_of_another(office: Office) -> None:
    event = await upload(office, b"shared")
    office.faults.named["uploads.add"] = Fault.FAILS
    with pytest.raises(Unavailable):
        await upload(office, b"shared")
    assert office.contents.contents == {event.cid: b"shared"}


async def test_an_account_that_is_gone_uploads_nothing(office: Office) -> None:
    office.database.accounts.clear()
    with pytest.raises(Unauthenticated):
        await upload(office, b"x")
    assert office.is_clean


async def test_a_profile_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        find_profile("unixfs-v9-2099")
    assert [each.field for each in refused.value.fields] == ["profile"]


async def test_events_are_listed_from_the_newest_by_cursor(office: Office) -> None:
    events = [await upload(office, bytes([number])) for number in range(5)][::-1]
    first = await office.desk.page(office.owner, cursor=None, limit=2)
    assert first.events == events[:2]
    second = await office.desk.page(office.owner, cursor=first.next_cursor, limit=2)
    assert second.events == events[2:4]
    last = await office.desk.page(office.owner, cursor=second.next_cursor, limit=2)
    assert last.events == events[4:]
    assert last.next_cursor is None


async def test_a_page_that_holds_all_has_no_next_one(office: Office) -> None:
    await upload(office, b"1")
    await upload(office, b"2")
    page = await office.desk.page(office.owner, cursor=None, limit=2)
    assert (len(page.events), page.next_cursor) == (2, None)


async def test_a_cursor_of_somebodys_own_making_is_refused(office: Office) -> None:
    with pytest.raises(Rejected) as refused:
        await office.desk.page(office.owner, cursor="AAAA", limit=2)
    assert refused.value.code == "invalid_cursor"


async def test_nobody_sees_the_uploads_of_others(office: Office) -> None:
    event = await upload(office, b"mine")
    page = await office.desk.page(STRANGER, cursor=None, limit=10)
    assert page.events == []
    with pytest.raises(NotFound):
        await office.desk.get(STRANGER, event.id)
    with pytest.raises(NotFound):
        await office.desk.proof(STRANGER, event.id)


async def test_a_proof_proves_every_field_offline(office: Office) -> None:
    office.indexes.stuck = True
    event = await upload(office, b"proven")
    await office.sequencer.append_batch()
    _, bundle = await office.desk.proof(office.owner, event.id)
    verdict = verify(parse_bundle(bundle), trusted=(SIGNER.verifier,))
    assert verdict.outcome is Outcome.PROVEN
    assert verdict.opened == {
        "kind": "upload.received",
        "owner": str(UUID(bytes=office.owner)),
        "cid": event.cid,
        "size": 6,
        "name": "größe.txt",
        "note": "a note",
        "profile": "unixfs-v1-2025",
        "media_type": "text/plain",
        "visibility": "public",
    }
    assert verdict.closed == ()
    assert abs(verdict.at - event.created_at) < timedelta(seconds=1)


async def test_the_proof_of_an_upload_without_a_note_has_no_note(office: Office) -> None:
    office.indexes.stuck = True
    details = UploadDetails("a", "text/plain", None, "public")
    event = await upload(office, b"x", details=details)
    await office.sequencer.append_batch()
    _, bundle = await office.desk.proof(office.owner, event.id)
    assert "note" not in verify(parse_bundle(bundle), trusted=(SIGNER.verifier,)).opened


async def test_there_is_no_proof_before_there_is_an_index(office: Office) -> None:
    office.indexes.stuck = True
    event = await upload(office, b"x")
    with pytest.raises(Conflict) as refused:
        await office.desk.proof(office.owner, event.id)
    assert refused.value.code == "not_yet_logged"
    assert refused.value.retry_after_seconds == 1
