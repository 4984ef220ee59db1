"""What an entry can be about. A kind's text is for good: it stands in commitments."""

from enum import StrEnum


class Kind(StrEnum):
    """The kinds of entries, as the field `kind` holds them."""

    UPLOAD_RECEIVED = "upload.received"
    UPLOAD_PINNED = "upload.pinned"
    UPLOAD_REMOVED = "upload.removed"
    SIGN_IN = "sign_in.granted"
    CREDENTIAL_ADDED = "credential.added"
    CREDENTIAL_REMOVED = "credential.removed"
    CREDENTIAL_CHANGED = "credential.changed"
    SESSION_ENDED = "session.ended"
    RECOVERY_USED = "recovery.used"
    ACCOUNT_LOCKED = "account.locked"
    ACCOUNT_UNLOCKED = "account.unlocked"
    ACCOUNT_CLOSED = "account.closed"
    ADMIN_ACTION = "admin.action"
    KEY_ROTATED = "key.rotated"
    SECURITY_CHECK = "security_check.run"


_IN_WORDS = {
    Kind.UPLOAD_RECEIVED: "a file was received",
    Kind.UPLOAD_PINNED: "a file was pinned at a provider",
    Kind.UPLOAD_REMOVED: "a file was removed",
    Kind.SIGN_IN: "a sign-in was granted",
    Kind.CREDENTIAL_ADDED: "a way to sign in was added",
    Kind.CREDENTIAL_REMOVED: "a way to sign in was removed",
    Kind.CREDENTIAL_CHANGED: "a way to sign in was changed",
    Kind.SESSION_ENDED: "a session was ended by someone else",
    Kind.RECOVERY_USED: "a recovery was used",
    Kind.ACCOUNT_LOCKED: "an account was locked",
    Kind.ACCOUNT_UNLOCKED: "an account was unlocked",
    Kind.ACCOUNT_CLOSED: "an account was closed",
    Kind.ADMIN_ACTION: "an administrator acted",
    Kind.KEY_ROTATED: "a key was rotated",
    Kind.SECURITY_CHECK: "a security check was run",
}


def in_words(kind: str) -> str | None:
    """What happened, for people; None for a kind that this version does not know."""
    return _IN_WORDS.get(Kind(kind)) if kind in _IN_WORDS else None
