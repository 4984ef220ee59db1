"""How the ledger says no: what can't be read, and why a log is not extended.

Rejected
└── Unreadable           a proof, note, checkpoint or entry that does not follow its format
    └── BadSignature     a signature that claims to be a trusted key's and is not
Conflict
└── LogRefused           this log must not be extended as it stands; nothing was written
    ├── OriginMismatch   the stored log has another name
    ├── KeyMismatch      the stored checkpoint was signed by another key
    ├── DatabaseBehind   a published checkpoint is ahead of the database
    ├── Forked           a published checkpoint contradicts the database
    ├── TreeDamaged      stored tiles do not hash to the checkpoint
    └── UnknownSource    the last batch placed rows of a table that is not known here
"""

from chronicle.errors import Conflict, Rejected


class Unreadable(Rejected):
    """Bytes that do not follow the format that they claim."""

    code = "unreadable_proof"
    message = "This can't be read as a proof."

    def __init__(self, message: str) -> None:
        super().__init__(message=message)


class BadSignature(Unreadable):
    """A signature that claims to be a trusted key's and is not."""

    code = "bad_signature"


class LogRefused(Conflict):
    """Extending this log could fork it, or lose entries. Nothing was written."""

    code = "log_refused"
    message = "The log is not extended as it stands."

    def __init__(self, message: str) -> None:
        super().__init__(message=message)


class OriginMismatch(LogRefused):
    """The database holds a log of another name."""

    code = "log_origin_mismatch"


class KeyMismatch(LogRefused):
    """The stored or published checkpoint was not signed by the key at hand."""

    code = "log_key_mismatch"


class DatabaseBehind(LogRefused):
    """A checkpoint was published that the database does not know: it was restored from a backup."""

    code = "log_database_behind"


class Forked(LogRefused):
    """The published checkpoint is not a beginning of the tree that the database holds."""

    code = "log_forked"


class TreeDamaged(LogRefused):
    """Stored tiles are missing, or do not hash to the checkpoint."""

    code = "log_tree_damaged"


class UnknownSource(LogRefused):
    """A committed batch placed rows of a source that this process was not given."""

    code = "log_unknown_source"
