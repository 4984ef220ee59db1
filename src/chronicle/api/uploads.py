"""`/api/web3/uploads`: files come in, are listed, read back and proven."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from starlette.responses import Response, StreamingResponse

from chronicle.api.endpoint import Routes, SignedInCall, Stream
from chronicle.api.file_headers import (
    attachment,
    has_matching_tag,
    parse_range,
    range_still_applies,
)
from chronicle.api.lists import LedgerPlace, ListQuery
from chronicle.api.multipart import UploadForm
from chronicle.api.request_reading import bearer_token
from chronicle.errors import FieldError, Rejected, TooLarge, Unavailable, Unsupported
from chronicle.security import budgets
from chronicle.uploads.details import UploadDetails, check_visibility
from chronicle.uploads.events import UploadEvent
from chronicle.uploads.receive import Page, find_profile
from chronicle.uploads.unixfs import DEFAULT_PROFILE, Profile

endpoint = Routes("Uploads")

_FORM = "multipart/form-data"
_FORM_FIELDS = frozenset({"visibility", "profile", "note"})
_FORM_OVERHEAD = 128 * 1024
_LONGEST_KEY = 255
# Bytes of others' making, from our own origin: never a page, never a script.
_POLICY = "default-src 'none'; sandbox"


class UploadQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Says of a raw body what a form says in its fields; not for forms."""

    name: str | None = None
    visibility: Literal["public", "private"] | None = None
    profile: str | None = None
    note: str | None = None


class Pin(msgspec.Struct):
    """Where the bytes are kept."""

    provider: str
    status: str


class Upload(msgspec.Struct):
    """One upload event. `size` is in bytes."""

    id: str
    cid: str
    profile: str
    size: int
    media_type: str
    name: str
    note: str | None
    visibility: str
    pin: Pin
    ledger: LedgerPlace
    created_at: datetime


class UploadList(msgspec.Struct):
    """Events, newest first."""

    items: list[Upload]
    next_cursor: str | None


@endpoint.post(
    "/api/web3/uploads",
    answers=Upload,
    status=201,
    request_media=(_FORM, "application/octet-stream"),
    problems=(
        "invalid_multipart",
        "not_available",
        "storage_full",
        "idempotency_key_reused",
        "email_not_verified",
    ),
    idempotent=True,
    budget=budgets.UPLOAD,
)
async def upload(call: SignedInCall[Stream, UploadQuery]) -> Upload:
    """Store a file, work out its CID and record both in the ledger.

    Either a form with one `file`, `visibility` (required; public is for good), and optionally
    `profile` (before the file) and `note`; or the bytes themselves as the body, with `name` and
    the same as query parameters and the file's own Content-Type. The bytes are durable before the
    answer, which waits up to a second for the index. Whatever fails, nothing is left half done.
    The same `Idempotency-Key` with the same file answers the first event again.
    """
    _refuse_encoded(call)
    media_type = call.headers.get("content-type")
    if media_type is not None and media_type.partition(";")[0].strip().lower() == _FORM:
        event = await _take_form(call, media_type)
    else:
        event = await _take_bytes(call, media_type)
    answer = render_upload(event)
    call.answer_headers.append((b"location", f"/api/web3/uploads/{answer.id}".encode()))
    return answer


async def _take_bytes(
    call: SignedInCall[Stream, UploadQuery], media_type: str | None
) -> UploadEvent:
    query = call.query
    details = UploadDetails.of(
        name=query.name, media_type=media_type, note=query.note, visibility=query.visibility
    )
    profile = find_profile(query.profile or DEFAULT_PROFILE)
    _refuse_oversize(call, call.app.uploads.largest_file)
    key = idempotency_key(call)
    return await call.app.uploads.receive(
        call.identity.account_id,
        _from_who_is_still_signed_in(call, call.stream()),
        profile=profile,
        describe=lambda: details,
        idempotency_key=key,
    )


async def _take_form(call: SignedInCall[Stream, UploadQuery], content_type: str) -> UploadEvent:
    if call.query != UploadQuery():
        raise Rejected(message="A form says everything in its fields, not in the query.")
    _refuse_oversize(call, call.app.uploads.largest_file + _FORM_OVERHEAD)
    key = idempotency_key(call)
    form = UploadForm(content_type, call.stream(), fields=_FORM_FIELDS)
    part = await form.reach_file()
    if "visibility" in part.fields_before:
        check_visibility(part.fields_before["visibility"])
    profile = find_profile(part.fields_before.get("profile", DEFAULT_PROFILE))

    def describe() -> UploadDetails:
        _refuse_late_profile(form, profile)
        return UploadDetails.of(
            name=part.name,
            media_type=part.media_type,
            note=form.fields.get("note"),
            visibility=form.fields.get("visibility"),
        )

    return await call.app.uploads.receive(
        call.identity.account_id,
        _from_who_is_still_signed_in(call, form.file_bytes()),
        profile=profile,
        describe=describe,
        idempotency_key=key,
    )


def idempotency_key(call: SignedInCall[Any, Any]) -> str | None:
    """The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header), or None.

    Raises:
        Rejected: it is empty, too long, or not printable ASCII.
    """
    key = call.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable():
        error = FieldError("Idempotency-Key", f"takes 1 to {_LONGEST_KEY} printable characters")
        raise Rejected(message=f"{error.field}: {error.message}", fields=(error,))
    return key


async def _from_who_is_still_signed_in(
    call: SignedInCall[Any, Any], pieces: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The pieces; after the last one, Unauthenticated if the session has ended meanwhile.

    A file may take hours to come, or be sent slowly on purpose.
    """
    async for piece in pieces:
        yield piece
    await call.app.sessions.identify(bearer_token(call.scope))


def _refuse_late_profile(form: UploadForm, used: Profile) -> None:
    # It says how the bytes are cut, so it is of no use once they have gone by.
    if form.fields.get("profile", used.name) != used.name:
        error = FieldError("profile", "has to come before the file")
        raise Rejected(message=f"{error.field}: {error.message}", fields=(error,))


def _refuse_encoded(call: SignedInCall[Stream, UploadQuery]) -> None:
    if call.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Unsupported(message="Send the file's own bytes, without Content-Encoding.")


def _refuse_oversize(call: SignedInCall[Stream, UploadQuery], limit: int) -> None:
    """Refuse by Content-Length, before the first byte is asked for."""
    declared = call.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise TooLarge(message=f"A file may have at most {call.app.uploads.largest_file} bytes.")


@endpoint.get("/api/web3/uploads", answers=UploadList, problems=("invalid_cursor",))
async def list_uploads(call: SignedInCall[None, ListQuery]) -> UploadList:
    """The caller's upload events, newest first."""
    page = await call.app.uploads.page(
        call.identity.account_id, cursor=call.query.cursor, limit=call.query.limit
    )
    return render_uploads(page)


def render_uploads(page: Page) -> UploadList:
    """Events as their owner gets them."""
    return UploadList([render_upload(event) for event in page.events], page.next_cursor)


@endpoint.get("/api/web3/uploads/{id}", answers=Upload)
async def read_upload(call: SignedInCall[None, None]) -> Upload:
    """One upload event."""
    event = await call.app.uploads.get(call.identity.account_id, call.path_id("id"))
    return render_upload(event)


@endpoint.get(
    "/api/web3/uploads/{id}/content",
    answers=bytes,
    media_type="application/octet-stream",
    problems=("content_missing", "range_not_satisfiable"),
    also={206: "The part that was asked for.", 304: "The caller has these bytes already."},
)
async def read_content(call: SignedInCall[None, None]) -> Response:
    """The file's bytes, as an attachment under its name.

    A Range of one part is answered with 206; `ETag` is the CID, for If-None-Match and If-Range.
    """
    desk = call.app.uploads
    event = await desk.get(call.identity.account_id, call.path_id("id"))
    tag = f'"{event.cid}"'
    headers = {"etag": tag, "accept-ranges": "bytes"}
    if has_matching_tag(call.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    part = None
    if call.method == "GET" and range_still_applies(call.headers.get("if-range"), tag):
        part = parse_range(call.headers.get("range"), event.size)
    if await desk.contents.size(event.cid) != event.size:
        raise Unavailable("content_missing", "The file's bytes can't be read right now.")
    wanted = range(event.size) if part is None else part
    headers |= _as_attachment(event.name, event.media_type, len(wanted))
    if part is not None:
        headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{event.size}"
    if call.method == "HEAD":
        return Response(headers=headers)
    content = desk.contents.read(event.cid, wanted.start, wanted.stop)
    return StreamingResponse(content, 200 if part is None else 206, headers)


@endpoint.get(
    "/api/web3/uploads/{id}/proof",
    answers=str,
    media_type="text/plain; charset=utf-8",
    problems=("not_yet_logged", "entry_not_found", "storage_unavailable"),
)
async def read_proof(call: SignedInCall[None, None]) -> Response:
    """The proof bundle (`.tlog-proof`) of an upload, which can be checked offline."""
    event, bundle = await call.app.uploads.proof(call.identity.account_id, call.path_id("id"))
    name = f"{event.name}.tlog-proof"
    return Response(bundle, headers=_as_attachment(name, "text/plain; charset=utf-8", len(bundle)))


def _as_attachment(name: str, media_type: str, size: int) -> dict[str, str]:
    return {
        "content-type": media_type,
        "content-length": str(size),
        "content-disposition": attachment(name),
        "content-security-policy": _POLICY,
        "x-content-type-options": "nosniff",
    }


def render_upload(event: UploadEvent) -> Upload:
    """An event as its owner sees it."""
    return Upload(
        id=str(UUID(bytes=event.id)),
        cid=event.cid,
        profile=event.profile,
        size=event.size,
        media_type=event.media_type,
        name=event.name,
        note=event.note,
        visibility=event.visibility,
        pin=Pin(event.pin_provider, event.pin_status),
        ledger=LedgerPlace(event.index, event.leaf_hash.hex()),
        created_at=event.created_at,
    )
