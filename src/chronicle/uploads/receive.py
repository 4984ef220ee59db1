"""Files of an account: taken in, listed, read back, proven.

The order of taking in is what a crash must not break: bytes stream into the store while their CID
is worked out, then they are made durable, then one row is committed that holds the event and its
pending ledger entry. Whatever ends the call before that commit takes the bytes away again, and what
a dying process leaves is taken away by the next start. No row ever points at nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from chronicle.errors import Conflict, FieldError, NotFound, Rejected, TooLarge
from chronicle.ledger.log_reader import LogReader
from chronicle.security.cursors import Cursors
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.uploads.details import UploadDetails
from chronicle.uploads.events import NewUpload, UploadEvent, in_the_clear, open_entry, seal
from chronicle.uploads.ports import (
    ContentStore,
    IncomingContent,
    Indexing,
    UploadRecord,
    Uploads,
)
from chronicle.uploads.unixfs import PROFILES, Imported, Importer, Profile
from chronicle.users.accounts import AccountBook, require_verified
from chronicle.users.ports import AccountId
from chronicle.world import World

_ResultT = TypeVar("_ResultT")

_SOURCE = "uploads"
_NONCE_BYTES = 16
_INDEX_WAIT_SECONDS = 1.0
_CURSOR = "uploads"


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, newest first, and the cursor behind them, if there are more."""

    events: list[UploadEvent]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class UploadDesk:
    """Takes files in and gives them back. `largest_file` is in bytes."""

    uploads: Uploads
    contents: ContentStore
    book: AccountBook
    cipher: FieldCipher
    index: BlindIndex
    cursors: Cursors
    indexing: Indexing
    log: LogReader
    world: World
    largest_file: int

    async def receive(
        self,
        account_id: AccountId,
        pieces: AsyncIterator[bytes],
        *,
        profile: Profile,
        describe: Callable[[], UploadDetails],
        idempotency_key: str | None = None,
    ) -> UploadEvent:
        """Take in a file and answer its event, with its place in the ledger if that comes soon.

        `describe` is called once, when the last byte has come: a form may tell a file's name and
        note after its bytes. When this raises, or is cancelled before the row is committed,
        nothing of the file is left. A key that was used before for the same file and details
        answers the event of then, and nothing more is stored.

        Raises:
            Denied: `email_not_verified`: an account holds no upload before its address is proved.
            Conflict: `idempotency_key_reused`: it was used for another file or other details.
            TooLarge: the file has more than `largest_file` bytes.
            Rejected: what `describe` says of the details.
            Unauthenticated: the account is gone.
            Unavailable: the store or the database failed; `storage_full` where that is why.
        """
        account = await self.book.record(account_id)
        require_verified(account)
        ledger_key = self.book.ledger_key(account)
        incoming = await self.contents.receive(Importer(profile))
        try:
            await self._take_in(pieces, incoming)
            details = describe()
            imported = await incoming.keep()
            new = self._new_upload(account_id, imported, profile, details)
            nonce = self.world.random_bytes(_NONCE_BYTES)
            sealed = seal(new, cipher=self.cipher, ledger_key=ledger_key, nonce=nonce)
            record = replace(sealed, key_index=self._key_index(account_id, idempotency_key))
        except BaseException:
            await _to_the_end(incoming.discard())
            raise
        try:
            await _to_the_end(self._commit(record, incoming))
        except Conflict:
            return await self._event_of_before(record)
        index = await self.indexing.wait_for(_SOURCE, record.id, _INDEX_WAIT_SECONDS)
        return replace(in_the_clear(record, cipher=self.cipher), index=index)

    async def _take_in(self, pieces: AsyncIterator[bytes], incoming: IncomingContent) -> None:
        size = 0
        async for piece in pieces:
            size += len(piece)
            if size > self.largest_file:
                raise TooLarge(message=f"A file may have at most {self.largest_file} bytes.")
            await incoming.write(piece)

    def _new_upload(
        self, account_id: AccountId, imported: Imported, profile: Profile, details: UploadDetails
    ) -> NewUpload:
        return NewUpload(
            id=self.world.new_id(),
            account_id=account_id,
            cid=str(imported.cid),
            profile=profile.name,
            size=imported.size,
            media_type=details.media_type,
            name=details.name,
            note=details.note,
            visibility=details.visibility,
            created_at=self.world.now(),
        )

    async def _commit(self, record: UploadRecord, incoming: IncomingContent) -> None:
        try:
            await self.uploads.add(record)
        except Exception:
            # The reply may have been lost after the commit: then the upload stands. If that can't
            # be told either, `discard` leaves the bytes to the next start, which asks again.
            if not await self._is_stored(record):
                await incoming.discard()
                raise
        await incoming.settle()
        self.indexing.wake()

    async def _event_of_before(self, repeated: UploadRecord) -> UploadEvent:
        first = await self.uploads.find_by_key(repeated.key_index or b"")
        if first is None:
            raise _key_reused()
        was, now = (in_the_clear(one, cipher=self.cipher) for one in (first, repeated))
        if (was.cid, was.profile, _details_of(was)) != (now.cid, now.profile, _details_of(now)):
            raise _key_reused()
        return was

    def _key_index(self, account_id: AccountId, key: str | None) -> bytes | None:
        if key is None:
            return None
        return self.index.of(f"{account_id.hex()}/{key}", column="uploads.idempotency_key")

    async def _is_stored(self, record: UploadRecord) -> bool:
        with contextlib.suppress(Exception):
            return await self.uploads.get(record.account_id, record.id) is not None
        return False

    async def get(self, account_id: AccountId, upload_id: bytes) -> UploadEvent:
        """One event. NotFound unless it is this account's."""
        return in_the_clear(await self._record(account_id, upload_id), cipher=self.cipher)

    async def page(self, account_id: AccountId, *, cursor: str | None, limit: int) -> Page:
        """An account's events, newest first.

        Raises:
            Rejected: `invalid_cursor`.
        """
        before = None if cursor is None else self.cursors.decode(_CURSOR, cursor)
        records = await self.uploads.page(account_id, before=before, limit=limit + 1)
        return self.first_of(records, limit)

    def first_of(self, records: Sequence[UploadRecord], limit: int) -> Page:
        """At most `limit` of these events, newest first, in the clear."""
        shown, next_cursor = self.cursors.cut(_CURSOR, records, limit)
        return Page([in_the_clear(record, cipher=self.cipher) for record in shown], next_cursor)

    async def proof(self, account_id: AccountId, upload_id: bytes) -> tuple[UploadEvent, bytes]:
        """The event and the `.tlog-proof` bundle that proves it, with every field opened.

        Raises:
            NotFound: unless it is this account's.
            Conflict: `not_yet_logged`; try again in a second.
        """
        record = await self._record(account_id, upload_id)
        if record.entry_index is None:
            raise Conflict(
                "not_yet_logged",
                "The upload is not in the ledger yet. It will be in a moment.",
                retry_after_seconds=1,
            )
        event = in_the_clear(record, cipher=self.cipher)
        ledger_key = self.book.ledger_key(await self.book.record(account_id))
        opened = open_entry(record, event, ledger_key=ledger_key)
        return event, await self.log.bundle(record.entry_index, opened)

    async def _record(self, account_id: AccountId, upload_id: bytes) -> UploadRecord:
        record = await self.uploads.get(account_id, upload_id)
        if record is None:
            raise NotFound(message="You have no such upload.")
        return record


def _details_of(event: UploadEvent) -> UploadDetails:
    return UploadDetails(event.name, event.media_type, event.note, event.visibility)


def _key_reused() -> Conflict:
    return Conflict(
        "idempotency_key_reused", "The Idempotency-Key was used before, for something else."
    )


def find_profile(name: str) -> Profile:
    """The profile of this name.

    Raises:
        Rejected: `invalid_request`; there is none.
    """
    profile = PROFILES.get(name)
    if profile is None:
        message = f"is none of {', '.join(PROFILES)}"
        raise Rejected(message=f"profile: {message}", fields=(FieldError("profile", message),))
    return profile


async def _to_the_end(work: Coroutine[object, None, _ResultT]) -> _ResultT:
    """Do all of the work even if the caller is cancelled meanwhile; then be cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        with contextlib.suppress(asyncio.CancelledError):
            task.exception()  # looked at, or asyncio complains that nobody did
        raise
