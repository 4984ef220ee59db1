"""The few ways in which Chronicle says no.

Every failure that a caller can act on is one of these kinds. Each carries a stable `code`, which
clients branch on, and a `message` in words for people. None knows of HTTP: `api/problems.py` is
the one place where a kind or a code becomes a status. A bug raises a built-in exception instead.

    Failure
    ├── Unauthenticated   who is calling is not known, or no longer is
    ├── Denied            the caller is known, and may not
    ├── NotFound          there is no such thing for this caller
    ├── Gone              there was, and it is over: a spent ticket, an ended session
    ├── Rejected          what was sent can't be accepted as it stands
    ├── Conflict          it contradicts what is stored
    ├── TooLarge          more bytes than are taken
    ├── Unsupported       a kind of content that is not taken
    ├── QuotaExceeded     the account's allowance is used up
    ├── TooMany           too often; `retry_after_seconds` says when again
    └── Unavailable       a part that is needed is down; nothing was changed
        └── Overloaded    it is up, and has too much to do
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a request: its name, dotted where nested, and why."""

    field: str
    message: str


class Failure(Exception):
    """A refusal that the caller can understand. `code` is stable; `message` is for people."""

    code = "failure"
    message = "The request failed."

    def __init__(
        self,
        code: str | None = None,
        message: str | None = None,
        *,
        fields: tuple[FieldError, ...] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        self.code = code or type(self).code
        self.message = message or type(self).message
        self.fields = fields
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{self.code}: {self.message}")


class Unauthenticated(Failure):
    """Who is calling is not known, or no longer is."""

    code = "invalid_token"
    message = "Sign in first: the access token is missing, expired or no longer valid."


class Denied(Failure):
    """The caller is known, and may not."""

    code = "denied"
    message = "This is not allowed."


class NotFound(Failure):
    """There is no such thing for this caller."""

    code = "not_found"
    message = "There is nothing here."


class Gone(Failure):
    """There was such a thing, and it is over."""

    code = "gone"
    message = "This is no longer available."


class Rejected(Failure):
    """What was sent can't be accepted as it stands."""

    code = "invalid_request"
    message = "The request can't be accepted as it stands."


class Conflict(Failure):
    """What was sent contradicts what is stored."""

    code = "conflict"
    message = "This contradicts what is already stored."


class TooLarge(Failure):
    """More bytes than are taken."""

    code = "too_large"
    message = "The request is larger than is accepted here."


class Unsupported(Failure):
    """A kind of content that is not taken."""

    code = "unsupported_media_type"
    message = "This kind of content is not accepted here."


class QuotaExceeded(Failure):
    """The account's allowance is used up."""

    code = "quota_exceeded"
    message = "The account's storage allowance is used up."


class TooMany(Failure):
    """Too often; `retry_after_seconds` says when to try again."""

    code = "too_many_attempts"
    message = "Too many attempts. Wait a little, then try again."


class Unavailable(Failure):
    """A part that is needed is down or full; nothing was changed. Worth trying again."""

    code = "unavailable"
    message = "A part of the service is not available right now. Try again shortly."

    def __init__(
        self,
        code: str | None = None,
        message: str | None = None,
        *,
        retry_after_seconds: int = 5,
    ) -> None:
        super().__init__(code, message, retry_after_seconds=retry_after_seconds)


class Overloaded(Unavailable):
    """Too many want the same at once; this one was turned away, so that others are served."""

    code = "overloaded"
    message = "Too much at once. Try again shortly."


class CannotStart(Exception):
    """Something that the process needs is missing or not as it must be; nothing was started.

    For operators, not for callers: the message says in words what to do about it.
    """
