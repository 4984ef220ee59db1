"""The only place where a failure becomes an HTTP answer: RFC 9457 problem details.

`PROBLEMS` lists every `code` a client can meet, with its one status and title. A code that a
domain raises and that does not stand here is a bug, which a test looks for.
"""

from dataclasses import dataclass
from http import HTTPStatus

import msgspec

from chronicle import errors


@dataclass(frozen=True, slots=True)
class Problem:
    """What a code means over HTTP."""

    status: int
    title: str


PROBLEMS: dict[str, Problem] = {
    "account_exists": Problem(409, "The account exists already"),
    "audience_not_allowed": Problem(403, "No tokens for this audience"),
    "address_blocked": Problem(403, "The address is blocked"),
    "bad_signature": Problem(422, "The checkpoint's signature is not right"),
    "breaches_unavailable": Problem(503, "Breached passwords can't be looked up right now"),
    "challenge_invalid": Problem(403, "The challenge is not solved"),
    "challenge_required": Problem(403, "A challenge has to be solved first"),
    "conflict": Problem(409, "The request contradicts what is stored"),
    "content_missing": Problem(503, "The file's bytes can't be read right now"),
    "cut_off": Problem(400, "The body ended early"),
    "denied": Problem(403, "Not allowed"),
    "edited_meanwhile": Problem(409, "Somebody else changed this meanwhile"),
    "email_not_verified": Problem(403, "Confirm the e-mail address first"),
    "email_taken": Problem(409, "The address has an account already"),
    "entry_not_found": Problem(404, "The log has no such entry"),
    "fresh_sign_in_required": Problem(403, "Confirm that it is you first"),
    "gone": Problem(410, "No longer available"),
    "header_block_too_large": Problem(431, "The request headers are too large"),
    "idempotency_key_reused": Problem(422, "The key was used for something else"),
    "idempotency_key_taken": Problem(409, "The key was used before"),
    "internal_error": Problem(500, "Something went wrong on our side"),
    "invalid_cid": Problem(422, "Not a CID of a kind that occurs here"),
    "invalid_code": Problem(400, "The code is not right"),
    "invalid_credentials": Problem(401, "E-mail address and password do not match"),
    "invalid_cursor": Problem(400, "The cursor was not made by this list"),
    "invalid_json": Problem(400, "The body is not valid JSON"),
    "invalid_multipart": Problem(400, "The form is not valid multipart/form-data"),
    "invalid_reset_token": Problem(400, "The reset is no longer valid"),
    "invalid_mailed_token": Problem(400, "The link is no longer valid"),
    "invalid_request": Problem(422, "The request can't be accepted as it stands"),
    "invalid_service_key": Problem(401, "Not a service key"),
    "invalid_token": Problem(401, "Sign in first"),
    "log_database_behind": Problem(503, "The database is behind the log"),
    "log_forked": Problem(503, "The log and the database disagree"),
    "log_key_mismatch": Problem(503, "The log has another key"),
    "log_not_started": Problem(503, "The log has not been started yet"),
    "log_origin_mismatch": Problem(503, "The log has another origin"),
    "log_refused": Problem(503, "The log can't be extended"),
    "log_tree_damaged": Problem(503, "The log's tiles are damaged"),
    "log_unknown_source": Problem(503, "The log names a source that is not here"),
    "look_alike": Problem(422, "It can be taken for another"),
    "malformed_request": Problem(400, "The request is not well-formed HTTP"),
    "method_not_allowed": Problem(405, "This method is not offered here"),
    "not_available": Problem(422, "Not offered yet"),
    "not_found": Problem(404, "Nothing here"),
    "not_yet_logged": Problem(409, "Not in the ledger yet"),
    "origin_not_allowed": Problem(403, "The page's origin is not allowed"),
    "overloaded": Problem(503, "Too much at once"),
    "quota_exceeded": Problem(507, "The storage allowance is used up"),
    "range_not_satisfiable": Problem(416, "The range lies outside the content"),
    "storage_full": Problem(503, "The server has no room left"),
    "storage_unavailable": Problem(503, "The log's storage is failing"),
    "ticket_expired": Problem(410, "The ticket is spent or expired"),
    "tile_not_found": Problem(404, "The log has no such tile"),
    "too_large": Problem(413, "Too large"),
    "too_many_at_once": Problem(429, "Too much at once from one address"),
    "too_many_attempts": Problem(429, "Too many attempts"),
    "too_many_requests": Problem(429, "Too many requests"),
    "too_slow": Problem(408, "The body came too slowly"),
    "tree_size_not_found": Problem(404, "The log has not had this size"),
    "unavailable": Problem(503, "Not available right now"),
    "unreadable_proof": Problem(422, "The proof can't be read"),
    "unsupported_media_type": Problem(415, "This kind of content is not accepted"),
}

_STATUS_OF_KIND: dict[type[errors.Failure], int] = {
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.Rejected: 422,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Unsupported: 415,
    errors.QuotaExceeded: 507,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}


class InvalidField(msgspec.Struct):
    """One field that can't be accepted, and why."""

    field: str
    message: str


class ProblemBody(msgspec.Struct, omit_defaults=True):
    """RFC 9457 problem details, with a stable `code` that clients branch on."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[InvalidField] = []


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the headers that go with it, and the encoded body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def describe(failure: errors.Failure, request_id: str) -> Answer:
    """Render a failure. Only its code and its words for people leave; never its cause."""
    problem = PROBLEMS.get(failure.code)
    status = problem.status if problem else _STATUS_OF_KIND[_kind_of(failure)]
    title = problem.title if problem else HTTPStatus(status).phrase
    body = ProblemBody(
        type=f"/problems/{failure.code}",
        title=title,
        status=status,
        detail=failure.message,
        code=failure.code,
        request_id=request_id,
        errors=[InvalidField(field.field, field.message) for field in failure.fields],
    )
    headers = [(b"content-type", b"application/problem+json")]
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    if failure.retry_after_seconds is not None:
        headers.append((b"retry-after", str(failure.retry_after_seconds).encode()))
    return Answer(status, headers, msgspec.json.encode(body))


def _kind_of(failure: errors.Failure) -> type[errors.Failure]:
    return next(kind for kind in type(failure).__mro__ if kind in _STATUS_OF_KIND)


def internal_error(request_id: str) -> Answer:
    """The answer to a bug: nothing but the id under which the log has the rest."""
    failure = errors.Unavailable(
        "internal_error",
        "Something went wrong on our side. The request id leads to it in the server's log.",
    )
    failure.retry_after_seconds = None
    return describe(failure, request_id)
