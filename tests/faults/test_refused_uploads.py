"""A large upload that is refused half way: its sender still gets to read why."""

import contextlib
import http.client
import json
from collections.abc import Iterator

import pytest

from tests.running_server import Person, RunningServer, signed_up

MIB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("refused")
    with RunningServer(folder, CHRONICLE_UPLOAD_LIMIT="1MiB") as server:
        yield server


def pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * MIB


@pytest.mark.parametrize("told", [True, False])
def test_a_sender_who_reads_only_at_the_end_learns_that_it_was_too_large(
    server: RunningServer, told: bool
) -> None:
    with signed_up(server, f"ada-{told}@example.org") as ada:
        status, body = send_all_then_read(ada, 24, told)
        assert (status, json.loads(body)["code"]) == (413, "too_large")
        assert ada.client.get("/api/web3/uploads").json()["items"] == []


def send_all_then_read(person: Person, size: int, told: bool) -> tuple[int, bytes]:
    """Send so many MiB, with a length in front or in chunks, and only then read the answer."""
    headers = {"Authorization": person.client.headers["Authorization"]}
    if told:
        headers["Content-Length"] = str(size * MIB)
    connection = http.client.HTTPConnection("localhost", person.server.port, timeout=30)
    with contextlib.closing(connection):
        connection.request(
            "POST",
            "/api/web3/uploads?visibility=public&name=a",
            body=pieces(size),
            headers=headers,
            encode_chunked=not told,
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
