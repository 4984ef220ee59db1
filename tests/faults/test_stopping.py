"""SIGTERM: what is in hand is finished, nothing new is begun, and the process ends well."""

import contextlib
import itertools
import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.attacks.raw_http import RawConnection, request
from tests.running_server import Person, RunningServer, eventually
from tests.stored import UPLOADS, contents, drafts, listed, log_key, put, read_log

MIB = 1024 * 1024
NewPerson = Callable[[RunningServer, str], Person]


def ask_to_end(server: RunningServer) -> None:
    os.kill(server.pid, signal.SIGTERM)


def is_refused(server: RunningServer) -> bool:
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
        return False
    return True


def begin_upload(connection: RawConnection, person: Person, content: bytes) -> None:
    headers = [
        ("Authorization", f"Bearer {person.session['access_token']}"),
        ("Content-Type", "image/png"),
        ("Content-Length", str(len(content))),
    ]
    target = f"{UPLOADS}?name=late.png&visibility=public"
    connection.send(request("POST", target, headers) + content[: len(content) // 2])
    eventually(lambda: drafts(person.server))


def test_an_upload_in_hand_is_finished_and_nobody_new_is_let_in(ada: Person) -> None:
    server, content = ada.server, os.urandom(4 * MIB)
    with RawConnection(server.port) as connection:
        begin_upload(connection, ada, content)
        ask_to_end(server)
        eventually(lambda: is_refused(server))
        answer = connection.send(content[len(content) // 2 :]).answer()
    assert answer.status == 201
    assert server.wait() == 0
    assert "Traceback" not in server.log
    server.start()
    (kept,) = listed(ada)
    assert kept["id"] == answer.json()["id"]
    assert ada.client.get(f"{UPLOADS}/{kept['id']}/content").content == content
    assert kept["ledger"]["index"] is not None


def test_an_upload_that_takes_too_long_is_given_up_whole(
    tmp_path: Path, new_person: NewPerson
) -> None:
    with RunningServer(tmp_path, CHRONICLE_DRAIN_SECONDS="1") as server:
        person = new_person(server, "slow")
        with RawConnection(server.port) as connection:
            begin_upload(connection, person, os.urandom(4 * MIB))
            ask_to_end(server)
            answer = connection.answer()
            assert (answer.status, answer.code) == (503, "unavailable")
            assert server.wait() == 0
        assert not drafts(server)
        assert not contents(server)
        assert "a request failed" not in server.log
        assert "Traceback" not in server.log
        server.start()
        assert listed(person) == []


@pytest.mark.parametrize(
    "sign", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.wider)]
)
def test_what_was_asked_before_the_end_is_answered_and_kept(
    ada: Person, sign: signal.Signals
) -> None:
    server, key = ada.server, log_key(ada.server)
    answers: list[httpx2.Response] = []

    def upload(number: int) -> None:
        # Who comes after the end has begun is turned away; nobody is answered by half.
        with contextlib.suppress(httpx2.TransportError):
            for turn in itertools.count():
                answers.append(put(ada, f"{number}/{turn}".encode(), f"{number}-{turn}"))

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(upload, number) for number in range(8)]
        eventually(lambda: len(answers) >= 20)
        os.kill(server.pid, sign)
        assert server.wait() == 0
        for job in jobs:
            job.result(15)
    assert {answer.status_code for answer in answers} == {201}
    assert "a request failed" not in server.log
    assert "Traceback" not in server.log
    server.start()
    kept = {item["id"]: item for item in listed(ada)}
    assert {answer.json()["id"] for answer in answers} <= kept.keys()
    # Perhaps one more for each connection whose answer was on its way.
    assert len(kept) <= len(answers) + 8
    assert all(item["ledger"]["index"] is not None for item in kept.values())
    assert read_log(server, key).size >= len(kept)


def test_an_idle_server_ends_at_once_and_takes_its_valkey_along(server: RunningServer) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(RawConnection(server.port)).send(b"GET /")
        assert server.stop() == 0
    assert list((server.data_dir / "valkey").glob("valkey.sock")) == []
    assert "Traceback" not in server.log
