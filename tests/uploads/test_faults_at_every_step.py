"""An upload where each single call to the database or the store fails once, and is sent again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from chronicle.errors import Unavailable
from chronicle.uploads.events import UploadEvent
from chronicle.uploads.receive import find_profile
from tests.fakes.faults import Fault, Slow
from tests.uploads.conftest import Office, open_office
from tests.uploads.test_receive import DETAILS, pieces

FATES: dict[str, Callable[[], Fault | Slow]] = {
    "fails": lambda: Fault.FAILS,
    "fails after it persisted": lambda: Fault.FAILS_AFTER_IT_PERSISTED,
    "is broken off": Slow,
    "is broken off after it persisted": lambda: Slow(after_it_persisted=True),
}


async def send(office: Office, fate: Fault | Slow | None = None) -> UploadEvent | None:
    """What the client is answered; None where it is to try again."""
    sending = asyncio.ensure_future(
        office.desk.receive(
            office.owner,
            pieces(b"first half, ", b"second half"),
            profile=find_profile("unixfs-v1-2025"),
            describe=lambda: DETAILS,
            idempotency_key="the same each time",
        )
    )
    if isinstance(fate, Slow):
        await fate.holds(sending)
        sending.cancel()
        fate.go_on.set()
    with suppress(Unavailable, asyncio.CancelledError):
        return await sending
    return None


async def steps_of_an_upload() -> list[str]:
    office = await open_office()
    first = len(office.faults.steps)
    assert await send(office)
    return office.faults.steps[first:]


@pytest.mark.parametrize("fate", FATES)
async def test_whichever_step_breaks_there_is_one_upload_and_its_bytes_in_the_end(
    fate: str,
) -> None:
    for number, step in enumerate(await steps_of_an_upload()):
        if step == "contents.receive" and "after" in fate:
            continue  # beginning waits for nothing: it is not done without its caller knowing
        office = await open_office()
        office.faults.at[len(office.faults.steps) + number] = befalls = FATES[fate]()
        event = await send(office, befalls)
        if event is None and not office.database.uploads:
            assert office.is_clean, step
        event = event or await send(office)
        assert event is not None, step
        (row,) = office.database.uploads.values()
        assert (row.id, row.cid) == (event.id, event.cid), step
        contents = office.contents
        assert contents.contents == {event.cid: b"first half, second half"}, step
        assert (contents.live, contents.marks) == (0, []), step
