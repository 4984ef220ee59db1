"""What the driver's failures mean, as genuine servers and FerretDB word them."""

import logging

import pytest
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
    WriteError,
    WTimeoutError,
)

from chronicle.adapters.database.mongo.failures import translated
from chronicle.errors import Conflict, Unavailable


def duplicate(message: str) -> DuplicateKeyError:
    return DuplicateKeyError(message, 11000, {"index": 0, "code": 11000, "errmsg": message})


MONGODB = "E11000 duplicate key error collection: c.{0} index: {1} dup key: {{ k: BinData(0, 69) }}"
DOCUMENTDB = "Duplicate key violation on the requested collection: Index '{1}'"


@pytest.mark.parametrize("wording", [MONGODB, DOCUMENTDB])
@pytest.mark.parametrize(
    ("collection", "index", "code"),
    [
        ("accounts", "accounts_by_email", "email_taken"),
        ("uploads", "uploads_by_key", "idempotency_key_taken"),
    ],
)
def test_a_duplicate_is_told_by_the_name_of_its_index(
    wording: str, collection: str, index: str, code: str
) -> None:
    failure = translated(duplicate(wording.format(collection, index)))
    assert isinstance(failure, Conflict)
    assert failure.code == code


@pytest.mark.parametrize("wording", [MONGODB, DOCUMENTDB, "something new"])
def test_every_other_duplicate_is_a_bug(wording: str) -> None:
    assert isinstance(translated(duplicate(wording.format("events", "_id_"))), ValueError)


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("connection closed"),
        NetworkTimeout("timed out"),
        ServerSelectionTimeoutError("No servers found yet"),
        NotPrimaryError("not primary", {"code": 10107}),
        ExecutionTimeout("operation exceeded time limit", 50),
        WriteConcernError("waiting for replication", 64),
        WTimeoutError("waiting for replication timed out", 64),
        OperationFailure("user is not allowed to do action", 13),
        OperationFailure("node is read-only", 20),
    ],
)
def test_a_server_that_can_not_do_it_is_unavailable(error: PyMongoError) -> None:
    failure = translated(error)
    assert isinstance(failure, Unavailable)
    assert failure.code == "unavailable"


def test_a_full_disk_is_named() -> None:
    failure = translated(WriteError("not enough disk space", 14031))
    assert isinstance(failure, Unavailable)
    assert failure.code == "storage_full"


def test_a_document_that_the_validator_refuses_is_a_bug_and_nothing_of_it_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failure = translated(WriteError("Document failed validation", 121, {"errInfo": "canary"}))
    assert isinstance(failure, ValueError)
    assert "canary" not in str(failure) + caplog.text


def test_no_part_of_a_document_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        translated(OperationFailure("can't store { name: 'canary' }", 2, {"doc": "canary"}))
        translated(duplicate(MONGODB.format("accounts", "accounts_by_email") + "canary"))
    assert "code 2" in caplog.text
    assert "canary" not in caplog.text
