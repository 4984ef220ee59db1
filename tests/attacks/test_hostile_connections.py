"""Bytes that are hardly HTTP, and connections that only take room."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.attacks.raw_http import RawAnswer, RawConnection, exchange, request
from tests.process_facts import open_files, resident_kib
from tests.running_server import RunningServer, eventually, signed_up

Bystander = Callable[[], AbstractContextManager[None]]

ALIVE = request("GET", "/health/live")
HEAD = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
KIB = 1024
MEMORY_BOUND_KIB = 24 * KIB


def assert_whole(answer: RawAnswer) -> None:
    """What is refused before it is a request is a problem like any other."""
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("connection") == "close"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.json()["request_id"] == answer.header("x-request-id")
    assert answer.json()["status"] == answer.status


@pytest.mark.parametrize("piece_bytes", [100 * KIB, 40 * KIB, 8 * KIB, 1500])
@pytest.mark.parametrize("kind", ["one header", "many headers", "the target"])
def test_a_header_block_over_32_kib_is_refused(
    server: RunningServer, kind: str, piece_bytes: int
) -> None:
    blocks = {
        "one header": HEAD + b"X: " + b"a" * 100 * KIB,
        "many headers": HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(9000)),
        "the target": b"GET /" + b"a" * 100 * KIB,
    }
    block = blocks[kind]
    pieces = (block[at : at + piece_bytes] for at in range(0, len(block), piece_bytes))
    with RawConnection(server.port) as connection:
        connection.try_to_send(pieces)
        answer = connection.answer()
        assert (answer.status, answer.code) == (431, "header_block_too_large")
        assert_whole(answer)
        assert connection.is_closed()


def test_a_second_request_has_no_more_room_than_the_first(server: RunningServer) -> None:
    with RawConnection(server.port) as connection:
        connection.try_to_send([ALIVE + HEAD + b"X: " + b"a" * 100 * KIB])
        answers = connection.answers()
    assert [answer.status for answer in answers] in ([200], [200, 431])


def test_a_header_block_just_under_the_bound_is_taken(server: RunningServer) -> None:
    block = HEAD + b"X: " + b"a" * (31 * KIB) + b"\r\n\r\n"
    for cut in (1, 1460, 31 * KIB, len(block) - 1):
        with RawConnection(server.port) as connection:
            assert connection.send(block[:cut], block[cut:]).answer().status == 200


def test_the_end_of_the_headers_may_come_with_much_of_the_body(server: RunningServer) -> None:
    body = b" " * 60 * KIB
    whole = request("POST", "/api/auth/login", [("Content-Type", "application/json")], body)
    end = whole.index(b"\r\n\r\n") + 3
    with RawConnection(server.port) as connection:
        connection.send(whole[:end], whole[end:])
        assert connection.answer().code == "invalid_json"


def test_trailers_are_bounded_and_never_pose_as_headers(server: RunningServer) -> None:
    head = request(
        "POST",
        "/api/auth/login",
        [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")],
    )
    few = b"2\r\n{}\r\n0\r\nHost: evil\r\nAuthorization: Bearer x\r\n\r\n"
    assert exchange(server.port, head, few).code == "invalid_request"
    before = resident_kib(server.pid)
    for trailers in (
        (b"X-%d: %b\r\n" % (number, b"a" * 60 * KIB) for number in range(500)),
        (b"X-%d: y\r\n" % number * 1000 for number in range(500)),
        (b"X: ", *[b"a" * 64 * KIB for _ in range(500)]),
    ):
        with RawConnection(server.port) as connection:
            connection.send(head + b"2\r\n{}\r\n0\r\n").try_to_send(trailers)
            answer = connection.answer()
        assert answer.status in (400, 422)
    assert resident_kib(server.pid) - before < MEMORY_BOUND_KIB


def test_chunk_extensions_are_bounded(server: RunningServer) -> None:
    head = request(
        "POST",
        "/api/auth/login",
        [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")],
    )
    endless = (b"a" * 64 * KIB for _ in range(500))
    with RawConnection(server.port) as connection:
        sent = connection.send(head + b"2;x=").try_to_send(endless)
        answer = connection.answer()
    assert answer.code == "malformed_request"
    assert sent < 500 * 64 * KIB
    small_chunks = b"".join(b"1\r\n%b\r\n" % byte for byte in [b" "] * 50_000)
    assert exchange(server.port, head, small_chunks + b"2\r\n{}\r\n0\r\n\r\n").status == 422


SMUGGLED = b"GET /api/dev/outbox HTTP/1.1\r\nHost: localhost\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: 4\r\nContent-Length: 4\r\n",
        b"Content-Length: 4, 5\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"X: y\r\n Transfer-Encoding: chunked\r\n",
        b"X: y\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 4\n\r\n",
        b"Content-Length: 4\r\nX\x00: y\r\n",
        b"Content-Length: 4\r\nX: \x00\r\n",
        b"Content-Length: 4\rX: y\r\n",
        b": y\r\n",
        b"no colon\r\n",
    ],
)
def test_a_body_of_doubtful_length_is_refused_with_all_that_follows(
    server: RunningServer, headers: bytes
) -> None:
    start = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\n"
    start += b"Content-Type: application/json\r\n" + headers + b"\r\n"
    with RawConnection(server.port) as connection:
        connection.try_to_send([start + b"0\r\n\r\n" + SMUGGLED])
        (answer,) = connection.answers()
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert_whole(answer)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 100,
        b"GET / HTTP/1.1",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\n\n",
        b"CONNECT evil.example:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
    ids=lambda garbage: repr(garbage[:16]),
)
def test_what_is_not_http_is_refused_or_waits_in_vain(
    impatient: RunningServer, garbage: bytes
) -> None:
    with RawConnection(impatient.port) as connection:
        connection.send(garbage)
        for answer in connection.answers():
            assert answer.status == 400
            assert_whole(answer)


@pytest.mark.parametrize("hosts", [[], ["a", "b"], ["a", "a"]])
def test_a_request_has_one_host(server: RunningServer, hosts: list[str]) -> None:
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    for path in ("/", "/health/live"):
        answer = exchange(server.port, f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        assert (answer.status, answer.code) == (400, "malformed_request")


def test_garbage_behind_a_request_takes_nothing_from_its_answer(server: RunningServer) -> None:
    with RawConnection(server.port) as connection:
        connection.send(ALIVE + b"\x00\x01garbage\r\n\r\n" + SMUGGLED)
        answers = connection.answers()
    assert [answer.status for answer in answers] in ([200], [200, 400])
    assert answers[0].json() == {"status": "alive"}


def test_requests_in_a_row_are_answered_in_their_order(server: RunningServer) -> None:
    paths = ["/health/live", "/nowhere", "/api/auth/user", "/openapi.json"] * 25
    host = f"localhost:{server.port}"
    with RawConnection(server.port) as connection:
        connection.send(b"".join(request("GET", path, host=host) for path in paths))
        statuses = [connection.answer().status for _ in paths]
    assert statuses == [200, 404, 401, 200] * 25


def test_answers_in_a_row_are_of_their_own_requests(server: RunningServer) -> None:
    host = f"localhost:{server.port}"
    asked = [
        ("HEAD", "/openapi.json", 200),
        ("GET", "/health/live", 200),
        ("POST", "/api/auth/login", 415),
        ("DELETE", "/health/live", 405),
        ("HEAD", "/", 200),
        ("GET", "/nowhere", 404),
    ] * 20
    with RawConnection(server.port) as connection:
        connection.send(b"".join(request(method, path, host=host) for method, path, _ in asked))
        for method, _path, status in asked:
            assert connection.answer(method=method).status == status


def test_requests_are_not_taken_in_faster_than_they_are_answered(server: RunningServer) -> None:
    flood = request("GET", "/health/live") * 1000
    before = resident_kib(server.pid)
    with RawConnection(server.port, deadline_seconds=1) as connection:
        # Nobody reads the answers: at some point the server has to stop reading as well.
        with contextlib.suppress(TimeoutError):
            connection.try_to_send(flood for _ in range(1000))
        assert resident_kib(server.pid) - before < 48 * KIB
        assert exchange(server.port, ALIVE).status == 200


def test_an_upgrade_is_ignored_and_ends_the_connection(server: RunningServer) -> None:
    upgrade = [("Connection", "upgrade"), ("Upgrade", "websocket")]
    with RawConnection(server.port) as connection:
        connection.send(request("GET", "/health/live", upgrade) + SMUGGLED)
        (answer,) = connection.answers()
    assert (answer.status, answer.header("connection")) == (200, "close")


@pytest.mark.parametrize(
    "announced",
    [("Content-Length", "3"), ("Transfer-Encoding", "chunked")],
    ids=lambda each: each[0],
)
def test_an_upgrade_with_a_body_stores_nothing_empty_in_its_place(
    server: RunningServer, announced: tuple[str, str]
) -> None:
    body = b"3\r\nabc\r\n0\r\n\r\n" if announced[1] == "chunked" else b"abc"
    with signed_up(server, f"{announced[0]}@example.org".lower()) as ada:
        head = [
            ("Authorization", f"Bearer {ada.session['access_token']}"),
            ("Content-Type", "text/plain"),
            ("Connection", "upgrade"),
            ("Upgrade", "websocket"),
            announced,
        ]
        target = "/api/web3/uploads?visibility=private&name=a.txt"
        with RawConnection(server.port) as connection:
            connection.send(request("POST", target, head) + body)
            (answer,) = connection.answers()
        assert (answer.status, answer.code) == (400, "malformed_request")
        assert ada.client.get("/api/web3/uploads").json()["items"] == []


def drip(data: bytes, *, pause_seconds: float) -> Iterator[bytes]:
    for at in range(len(data)):
        yield data[at : at + 1]
        time.sleep(pause_seconds)


def test_slow_headers_end_the_connection(impatient: RunningServer) -> None:
    with RawConnection(impatient.port) as connection:
        sent = connection.try_to_send(drip(HEAD + b"X: " + b"a" * 200, pause_seconds=0.02))
        assert connection.is_closed()
    assert sent < len(HEAD) + 200


def test_slow_headers_of_a_second_request_end_the_connection(impatient: RunningServer) -> None:
    with RawConnection(impatient.port) as connection:
        assert connection.send(ALIVE).answer().status == 200
        sent = connection.try_to_send(drip(HEAD + b"X: " + b"a" * 200, pause_seconds=0.02))
        assert connection.is_closed()
    assert sent < len(HEAD) + 200


def test_a_connection_that_says_nothing_is_closed(impatient: RunningServer) -> None:
    with RawConnection(impatient.port) as connection:
        assert connection.is_closed()


def test_a_slow_body_is_given_up(impatient: RunningServer) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", "1000")]
    with RawConnection(impatient.port) as connection:
        connection.send(request("POST", "/api/auth/login", headers) + b"{")
        connection.try_to_send(drip(b" " * 100, pause_seconds=0.02))
        answer = connection.answer()
        assert (answer.status, answer.code) == (408, "too_slow")
        assert connection.is_closed()


def test_a_body_that_nobody_reads_can_not_drip_for_ever(impatient: RunningServer) -> None:
    with RawConnection(impatient.port) as connection:
        connection.send(request("GET", "/health/live", [("Content-Length", "1000")]))
        assert connection.answer().status == 200
        sent = connection.try_to_send(drip(b"x" * 500, pause_seconds=0.02))
    assert sent < 500


def test_a_thousand_idle_connections_are_in_nobodys_way(
    server: RunningServer, bystander: Bystander
) -> None:
    before_files, before_kib = open_files(server.pid), resident_kib(server.pid)
    with contextlib.ExitStack() as stack:
        with bystander():
            for number in range(1000):
                idle = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                if number % 2:
                    idle.sendall(HEAD)
            eventually(lambda: open_files(server.pid) >= before_files + 1000)
            assert exchange(server.port, ALIVE).status == 200
        assert resident_kib(server.pid) - before_kib < 48 * KIB
    eventually(lambda: open_files(server.pid) <= before_files + 5)


def test_a_server_with_few_file_descriptors_at_first_takes_all_it_may_have(
    server: RunningServer,
) -> None:
    with Path(f"/proc/{server.pid}/limits").open(encoding="ascii") as limits:
        line = next(line for line in limits if line.startswith("Max open files"))
    soft, hard = line.split()[3:5]
    assert soft == hard
