"""What a failure of the driver means to Chronicle: the one place that says so."""

import logging
import re

from pymongo.errors import ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError

from chronicle.errors import Conflict, Unavailable

_log = logging.getLogger(__name__)

_TAKEN = {
    "accounts_by_email": ("email_taken", "The address has an account already."),
    "uploads_by_key": ("idempotency_key_taken", "The key was used before."),
}
# "index: accounts_by_email dup key: ..." (MongoDB), "Index 'accounts_by_email'" (DocumentDB).
_INDEX = re.compile(r"index:? '?(\w+)", re.IGNORECASE)

_OUT_OF_DISK_SPACE = 14031
_VALIDATION_FAILED = 121


def translated(error: PyMongoError) -> Exception:
    """What to raise from a driver's failure.

    Conflict for a duplicate in an index that callers know, ValueError for every other duplicate
    and for a document that the validator refuses: both are bugs. Unavailable for all else: no
    primary, no answer in time, a server that only reads, or a majority that did not confirm.
    """
    if isinstance(error, DuplicateKeyError):
        return _duplicate(error)
    if isinstance(error, OperationFailure) and error.code == _VALIDATION_FAILED:
        return ValueError("the database's validator refused a document")
    _log.error("database: %s", _described(error))
    if isinstance(error, OperationFailure) and error.code == _OUT_OF_DISK_SPACE:
        return Unavailable("storage_full", "The server's disk is full. Nothing was stored.")
    return Unavailable(message="The database is not available right now.")


def index_of(error: DuplicateKeyError) -> str | None:
    """The name of the index in which there was a duplicate already."""
    named = _INDEX.search(str((error.details or {}).get("errmsg") or error))
    return named[1] if named else None


def _duplicate(error: DuplicateKeyError) -> Exception:
    index = index_of(error)
    if index in _TAKEN:
        return Conflict(*_TAKEN[index])
    return ValueError(f"there is such a document already (index {index})")


def _described(error: PyMongoError) -> str:
    # A server's own message may repeat parts of a document.
    kind = type(error).__name__
    if isinstance(error, OperationFailure):
        return f"{kind}, code {error.code}"
    return f"{kind}: {error}" if isinstance(error, ConnectionFailure) else kind
