"""What every collection holds and by what it is found: the newest shape, declared.

A validator names the fields that this Chronicle knows and their types. Others are let through, so
that a newer Chronicle can add fields while this one still runs beside it. Fields named `sealed_*`
hold what the domain encrypted. Times are microseconds since 1970; `expires_on` is the same moment
as a BSON date, which has milliseconds only, and is there for the index that lets documents go.

Whoever changes anything here raises `VERSION` in `migrate.py`. An index that changes gets another
name, and a data step that drops the old one.
"""

from dataclasses import dataclass, field
from typing import Any

BYTES, TEXT, NUMBER, TIME, FLAG, DATE = (
    "binData",
    "string",
    ["int", "long"],
    ["int", "long"],
    "bool",
    "date",
)

A_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Index:
    """An index, by its name. `only_with` keeps documents without that field out of it."""

    name: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    only_with: str | None = None
    only_where: tuple[tuple[str, object], ...] = ()
    gone_after_seconds: int | None = None

    def options(self) -> dict[str, Any]:
        """As `createIndexes` takes it."""
        options: dict[str, Any] = {"name": self.name, "key": dict(self.keys)}
        if self.unique:
            options["unique"] = True
        if self.only_with or self.only_where:
            present = {self.only_with: {"$exists": True}} if self.only_with else {}
            options["partialFilterExpression"] = present | dict(self.only_where)
        if self.gone_after_seconds is not None:
            options["expireAfterSeconds"] = self.gone_after_seconds
        return options


@dataclass(frozen=True, slots=True)
class Shape:
    """A collection: the types of the fields that are always there, and of those that may be."""

    name: str
    always: dict[str, Any]
    maybe: dict[str, Any] = field(default_factory=dict)
    indexes: tuple[Index, ...] = ()

    def validator(self) -> dict[str, Any]:
        """As `create` and `collMod` take it."""
        properties = {name: {"bsonType": kind} for name, kind in self.always.items()}
        properties |= {name: _or_null(kind) for name, kind in self.maybe.items()}
        return {
            "$jsonSchema": {
                "bsonType": "object",
                "required": list(self.always),
                "properties": properties,
            }
        }


def _or_null(kind: Any) -> dict[str, Any]:
    if isinstance(kind, dict):
        return kind
    kinds = kind if isinstance(kind, list) else [kind]
    return {"bsonType": [*kinds, "null"]}


def _newest_of_account(name: str, **options: Any) -> Index:
    return Index(name, (("account_id", 1), ("_id", 1)), **options)


def _to_log(collection: str) -> Index:
    return Index(f"{collection}_to_log", (("waits_since", 1), ("_id", 1)), only_with="waits_since")


def _by_expiry(collection: str) -> tuple[Index, Index]:
    # The hourly job deletes by Chronicle's clock. The server's index is for when that does not
    # run, a day later: so a server whose clock is wrong brings no spent token back to life.
    return (
        Index(f"{collection}_by_expiry", (("expires_at", 1),)),
        Index(f"{collection}_gone", (("expires_on", 1),), gone_after_seconds=A_DAY_SECONDS),
    )


_CHANGE = {
    "bsonType": "object",
    "required": ["id", "kind", "created_at", "entry"],
    "properties": {
        "id": {"bsonType": BYTES},
        "kind": {"bsonType": TEXT},
        "created_at": {"bsonType": TIME},
        "entry": {"bsonType": BYTES},
    },
}

SHAPES = (
    Shape(
        "accounts",
        always={
            "_id": BYTES,
            "sealed_email": BYTES,
            "email_index": BYTES,
            "email_verified": FLAG,
            "sealed_ledger_key": BYTES,
            "epoch": NUMBER,
            "created_at": TIME,
            "updated_at": TIME,
        },
        maybe={
            "sealed_password_hash": BYTES,
            "sealed_name": BYTES,
            "sealed_locale": BYTES,
            "sealed_timezone": BYTES,
            "sealed_former_emails": BYTES,
            "former_emails_until": TIME,
            "pending_changes": {"bsonType": "array", "items": _CHANGE},
        },
        indexes=(
            Index("accounts_by_email", (("email_index", 1),), unique=True),
            Index(
                "accounts_with_former_emails",
                (("former_emails_until", 1),),
                only_with="former_emails_until",
            ),
            Index(
                "accounts_to_log",
                (("pending_changes.created_at", 1),),
                only_with="pending_changes",
            ),
            Index(
                "accounts_by_pending_change",
                (("pending_changes.id", 1),),
                only_with="pending_changes",
            ),
        ),
    ),
    Shape(
        "credential_changes",
        always={
            "_id": BYTES,
            "account_id": BYTES,
            "kind": TEXT,
            "created_at": TIME,
            "entry": BYTES,
            "entry_index": NUMBER,
        },
        indexes=(_newest_of_account("credential_changes_by_account"),),
    ),
    Shape(
        "sessions",
        always={
            "_id": BYTES,
            "account_id": BYTES,
            "epoch": NUMBER,
            "amr": TEXT,
            "created_at": TIME,
            "last_used_at": TIME,
            "idle_expires_at": TIME,
            "expires_at": TIME,
            "expires_on": DATE,
            "generation": NUMBER,
            "refresh_hash": BYTES,
            "sealed_visitor": BYTES,
        },
        maybe={
            "previous_hash": BYTES,
            "sealed_successor": BYTES,
            "rotated_at": TIME,
            "ended_at": TIME,
            "end_reason": TEXT,
        },
        indexes=(
            _newest_of_account("sessions_by_account"),
            Index("sessions_with_successor", (("rotated_at", 1),), only_with="sealed_successor"),
            *_by_expiry("sessions"),
        ),
    ),
    Shape(
        "uploads",
        always={
            "_id": BYTES,
            "account_id": BYTES,
            "cid": TEXT,
            "profile": TEXT,
            "size": NUMBER,
            "media_type": TEXT,
            "sealed_name": BYTES,
            "visibility": TEXT,
            "pin_provider": TEXT,
            "pin_status": TEXT,
            "entry": BYTES,
            "created_at": TIME,
        },
        maybe={
            "sealed_note": BYTES,
            "entry_index": NUMBER,
            "waits_since": TIME,
            "key_index": BYTES,
        },
        indexes=(
            _newest_of_account("uploads_by_account"),
            Index("uploads_by_key", (("key_index", 1),), unique=True, only_with="key_index"),
            Index("uploads_by_cid", (("cid", 1),)),
            _to_log("uploads"),
        ),
    ),
    Shape(
        "checkpoint",
        always={"_id": TEXT, "origin": TEXT, "size": NUMBER, "root": BYTES, "note": BYTES},
        maybe={"staging": TEXT},
    ),
    Shape("clock_floor", always={"_id": TEXT, "highest": TIME}),
    Shape(
        "events",
        always={
            "_id": BYTES,
            "kind": TEXT,
            "method": TEXT,
            "outcome": TEXT,
            "sealed_visitor": BYTES,
            "address_index": BYTES,
            "created_at": TIME,
        },
        maybe={
            "account_id": BYTES,
            "subject_index": BYTES,
            "reason": TEXT,
            "session_id": BYTES,
            "entry": BYTES,
            "entry_due_at": TIME,
            "entry_index": NUMBER,
            "waits_since": TIME,
        },
        indexes=(
            _newest_of_account("events_by_account", only_with="account_id"),
            # What was granted is looked for at each sign-in, and strangers add any number of
            # refusals.
            _newest_of_account("events_granted", only_where=(("outcome", "granted"),)),
            Index("events_by_time", (("created_at", 1),)),
            _to_log("events"),
        ),
    ),
    Shape(
        "mailed_tokens",
        always={
            "_id": BYTES,
            "purpose": TEXT,
            "epoch": NUMBER,
            "expires_at": TIME,
            "expires_on": DATE,
        },
        maybe={"account_id": BYTES, "spent_at": TIME},
        indexes=_by_expiry("mailed_tokens"),
    ),
    Shape(
        "mails",
        always={
            "_id": BYTES,
            "state": TEXT,
            "attempts": NUMBER,
            "created_at": TIME,
            "due_at": TIME,
        },
        maybe={"sealed_content": BYTES, "reason": TEXT, "done_at": TIME},
        indexes=(
            Index(
                "mails_to_send",
                (("due_at", 1), ("_id", 1)),
                only_where=(("state", "waiting"),),
            ),
            Index("mails_done", (("done_at", 1),), only_with="done_at"),
        ),
    ),
    Shape(
        "guess_counts",
        always={
            "_id": BYTES,
            "purpose": TEXT,
            "subject": BYTES,
            "failures": NUMBER,
            "last_at": TIME,
        },
        maybe={"locked_until": TIME},
        indexes=(Index("guess_counts_by_time", (("last_at", 1),)),),
    ),
    Shape(
        "known_devices",
        always={
            "_id": BYTES,
            "account_id": BYTES,
            "epoch": NUMBER,
            "token_hash": BYTES,
            "sealed_visitor": BYTES,
            "created_at": TIME,
            "last_used_at": TIME,
            "expires_at": TIME,
            "expires_on": DATE,
        },
        indexes=(
            Index("known_devices_by_token", (("token_hash", 1),), unique=True),
            Index("known_devices_by_account", (("account_id", 1), ("last_used_at", 1))),
            *_by_expiry("known_devices"),
        ),
    ),
    Shape(
        "blocks",
        always={"_id": BYTES, "sealed_content": BYTES, "created_at": TIME},
        maybe={"expires_at": TIME, "expires_on": DATE},
        indexes=_by_expiry("blocks"),
    ),
    Shape(
        "blocks_revision",
        always={"_id": TEXT, "revision": NUMBER},
        maybe={"announced": {"bsonType": "array", "items": {"bsonType": BYTES}}},
    ),
)
