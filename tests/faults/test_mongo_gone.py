"""MongoDB dies under a running server: calls are refused in time, and go on when it is back."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running_server import Person, RunningServer, eventually
from tests.services.choice import with_database
from tests.services.mongo import RunningMongo, running_mongo
from tests.services.mongo_install import Missing, installed
from tests.stored import UPLOADS, assert_proven, listed, log_key, put, read_log

pytestmark = pytest.mark.wider

NewPerson = Callable[[RunningServer, str], Person]


@pytest.fixture
def mongo() -> Iterator[RunningMongo]:
    try:
        installed()
    except Missing as missing:
        pytest.skip(f"MongoDB for the tests: {missing}")
    with running_mongo() as mongo:
        yield mongo


@pytest.fixture
def server(mongo: RunningMongo, tmp_path: Path) -> Iterator[RunningServer]:
    url = f"{with_database(mongo.url, 'chronicle')}&timeoutMS=2000"
    with RunningServer(tmp_path, CHRONICLE_DATABASE_URL=url) as server:
        yield server
        assert "a request failed" not in server.log, server.log


def status(person: Person, path: str) -> int:
    return person.client.get(path).status_code


def test_who_is_signed_in_is_refused_while_it_is_gone_and_let_in_when_it_is_back(
    mongo: RunningMongo, ada: Person
) -> None:
    mongo.kill()
    answer = ada.client.get("/api/auth/user")
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert status(ada, "/health/live") == 200
    assert status(ada, "/health/ready") == 503
    mongo.start()
    eventually(lambda: status(ada, "/api/auth/user") == 200, within_seconds=60)
    eventually(lambda: status(ada, "/health/ready") == 200, within_seconds=60)


def test_what_was_acknowledged_is_there_and_what_was_refused_can_be_sent_again(
    mongo: RunningMongo, ada: Person, new_person: NewPerson, tmp_path: Path
) -> None:
    key = log_key(ada.server)
    kept = put(ada, b"kept", "kept.bin")
    assert kept.status_code == 201
    before = read_log(ada.server, key)
    mongo.kill()
    assert put(ada, b"refused", "refused.bin").status_code == 503
    mongo.start()
    eventually(lambda: put(ada, b"again", "again.bin").status_code == 201, within_seconds=60)
    assert {"kept.bin", "again.bin"} <= {item["name"] for item in listed(ada)}
    eventually(
        lambda: all(item["ledger"]["index"] is not None for item in listed(ada)), within_seconds=60
    )
    read_log(ada.server, key).assert_begins_with(before)
    proof = ada.client.get(f"{UPLOADS}/{kept.json()['id']}/proof").content
    assert_proven(proof, b"kept", key, tmp_path)
    assert new_person(ada.server, "eve").session


def test_a_server_ends_in_its_time_although_its_database_hangs(
    mongo: RunningMongo, tmp_path: Path
) -> None:
    url = f"{with_database(mongo.url, 'hangs')}&timeoutMS=60000"
    settings = {"CHRONICLE_DATABASE_URL": url, "CHRONICLE_DRAIN_SECONDS": "1"}
    with RunningServer(tmp_path, **settings) as server:
        os.kill(mongo.ferretdb.pid, signal.SIGSTOP)
        # A wait for each thing that is written at the end would be longer than this waits.
        assert server.stop() == 0
        os.kill(mongo.ferretdb.pid, signal.SIGCONT)
        assert "Traceback" not in server.log
        assert "stopped before mails and ledger had come to an end" in server.log
        server.start()


def test_a_server_that_is_killed_goes_on_from_what_mongodb_holds(
    ada: Person, tmp_path: Path
) -> None:
    key = log_key(ada.server)
    event = put(ada, b"kept").json()
    before = read_log(ada.server, key)
    ada.server.kill()
    ada.server.start()
    assert ada.client.get(f"{UPLOADS}/{event['id']}/content").content == b"kept"
    read_log(ada.server, key).assert_begins_with(before)
