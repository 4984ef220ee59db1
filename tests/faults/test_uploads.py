"""Uploads at a server that is killed, and on a disk that is full."""

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.test_uploads import UPLOADS, code_of, content_files, send_bytes, send_form, stored
from tests.running_server import Person, RunningServer, signed_up

MIB = 1 << 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path) as server:
        yield server


@pytest.fixture
def eve(server: RunningServer) -> Iterator[Person]:
    with signed_up(server, "eve@example.org") as person:
        yield person


def half_an_upload(person: Person) -> socket.socket:
    """Send half a file. It is more than sockets hold, so the server has taken most of it."""
    connection = socket.create_connection(("127.0.0.1", person.server.port), timeout=20)
    head = (
        f"POST {UPLOADS}?name=half&visibility=public HTTP/1.1\r\n"
        f"Host: localhost\r\nContent-Length: {128 * MIB}\r\n"
        f"Authorization: Bearer {person.session['access_token']}\r\n\r\n"
    )
    connection.sendall(head.encode())
    for _ in range(64):
        connection.sendall(os.urandom(MIB))
    return connection


def test_a_server_killed_during_an_upload_starts_as_if_it_had_not_been_there(
    server: RunningServer, eve: Person
) -> None:
    kept = stored(eve, b"acknowledged before")
    before = content_files(server)
    with half_an_upload(eve):
        assert content_files(server) != before
        server.kill()
    server.start()
    assert content_files(server) == before
    eve.sign_in()
    assert [item["id"] for item in eve.client.get(UPLOADS).json()["items"]] == [kept["id"]]
    answer = eve.client.get(f"{UPLOADS}/{kept['id']}/content")
    assert answer.content == b"acknowledged before"


def test_what_was_acknowledged_survives_a_kill_at_once(server: RunningServer, eve: Person) -> None:
    content = os.urandom(3 * MIB + 1)
    event = stored(eve, content)
    server.kill()
    server.start()
    eve.sign_in()
    assert eve.client.get(f"{UPLOADS}/{event['id']}").json()["cid"] == event["cid"]
    assert eve.client.get(f"{UPLOADS}/{event['id']}/content").content == content


def test_a_full_disk_refuses_the_file_and_leaves_nothing(
    server: RunningServer, eve: Person
) -> None:
    before = content_files(server)
    # To the server a file that may not grow is a disk that is full.
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (8 * MIB, hard))
    for answer in (send_bytes(eve, bytes(12 * MIB)), send_form(eve, bytes(12 * MIB))):
        assert code_of(answer) == (503, "storage_full")
        assert int(answer.headers["retry-after"]) > 0
    assert content_files(server) == before
    assert eve.client.get(UPLOADS).json()["items"] == []
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (soft, hard))
    assert send_bytes(eve, bytes(12 * MIB)).status_code == 201
