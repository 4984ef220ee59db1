"""One address that takes all the room: connections, bodies, and places for hashes."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.attacks.raw_http import RawAnswer, RawConnection, exchange, request
from tests.attacks.test_hostile_connections import drip
from tests.running_server import PASSWORD, Person, RunningServer, eventually, signed_up
from tests.stored import drafts

ALIVE = request("GET", "/health/live")
PLENTY = {"CHRONICLE_REQUESTS_PER_SECOND": "100000", "CHRONICLE_REQUEST_BURST": "100000"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that soon has enough of one address."""
    settings = {
        **PLENTY,
        "CHRONICLE_LIMIT_SCALE": "1",
        "CHRONICLE_CONNECTIONS_PER_ADDRESS": "6",
        "CHRONICLE_BODIES_PER_ADDRESS": "2",
    }
    with RunningServer(tmp_path_factory.mktemp("small"), **settings) as server:
        yield server
        assert "a request failed" not in server.log, server.log
        assert "Traceback" not in server.log, server.log


def assert_full(answer: RawAnswer) -> None:
    assert (answer.status, answer.code) == (429, "too_many_at_once")
    assert int(answer.header("retry-after") or "0") > 0


def test_one_address_has_so_many_connections_and_then_a_clear_no(small: RunningServer) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(RawConnection(small.port)) for _ in range(6)]
        for one in held:
            assert one.send(ALIVE).answer().status == 200
        with RawConnection(small.port) as refused:
            answer = refused.answer()
            assert_full(answer)
            assert answer.header("connection") == "close"
            assert answer.header("content-type") == "application/problem+json"
            assert refused.is_closed()
        assert held[0].send(ALIVE).answer().status == 200, "who is in is not thrown out"
        with elsewhere(small) as other:
            assert other.get("/health/live").status_code == 200
    eventually(lambda: can_connect(small))


def elsewhere(server: RunningServer) -> httpx2.Client:
    """Somebody at another address of this machine."""
    transport = httpx2.HTTPTransport(local_address="127.0.0.2")
    return httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", transport=transport)


def can_connect(server: RunningServer) -> bool:
    with contextlib.suppress(ConnectionError):
        return exchange(server.port, ALIVE).status == 200
    return False


def test_a_connection_that_ends_makes_room_however_it_ends(small: RunningServer) -> None:
    for number in range(20):
        connection = RawConnection(small.port)
        eventually(lambda: can_connect(small))
        connection.send(ALIVE[: number + 1])
        connection.reset() if number % 2 else connection.__exit__()
    eventually(lambda: can_connect(small))


def test_a_trusted_proxy_has_as_many_connections_as_it_needs(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = {
        **PLENTY,
        "CHRONICLE_LIMIT_SCALE": "1",
        "CHRONICLE_CONNECTIONS_PER_ADDRESS": "2",
        "CHRONICLE_TRUSTED_PROXIES": "127.0.0.1",
    }
    with (
        RunningServer(tmp_path_factory.mktemp("proxied"), **settings) as server,
        contextlib.ExitStack() as stack,
    ):
        held = [stack.enter_context(RawConnection(server.port)) for _ in range(10)]
        assert [one.send(ALIVE).answer().status for one in held] == [200] * 10


def upload_head(person: Person, *more: tuple[str, str]) -> bytes:
    headers = [
        ("Authorization", f"Bearer {person.session['access_token']}"),
        ("Content-Type", "application/octet-stream"),
        *more,
    ]
    return request("POST", "/api/web3/uploads?visibility=public&name=a.bin", headers)


def test_one_address_sends_so_many_bodies_at_once_and_others_do_not_notice(
    small: RunningServer,
) -> None:
    wait = ("Expect", "100-continue")
    json = [("Content-Type", "application/json"), ("Content-Length", "1000"), wait]
    login = request("POST", "/api/auth/login", json)
    with contextlib.ExitStack() as stack:
        ada = stack.enter_context(signed_up(small, "ada@example.org"))
        head = upload_head(ada, ("Content-Length", "1000"), wait)
        upload = stack.enter_context(RawConnection(small.port))
        # "Go on" is said when the server begins to wait for the body.
        assert upload.send(head).answer().status == 100
        slow = stack.enter_context(RawConnection(small.port))
        assert slow.send(login).answer().status == 100
        for refused in (login, head):
            assert_full(exchange(small.port, refused))
        assert ada.client.get("/api/auth/user").status_code == 200, "what has no body is answered"
        with elsewhere(small) as other:
            answer = other.post("/api/auth/login", json={"email": "a@b.org", "password": "wrong"})
            assert answer.status_code == 401
        slow.reset()
        eventually(lambda: exchange(small.port, login).status == 100)
        assert upload.send(b"x" * 1000).answer().status == 201


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that wants its uploads to get on."""
    settings = {
        "CHRONICLE_UPLOAD_GRACE_SECONDS": "1",
        "CHRONICLE_UPLOAD_BYTES_PER_SECOND": "1MiB",
    }
    with RunningServer(tmp_path_factory.mktemp("demanding"), **settings) as server:
        yield server
        assert "a request failed" not in server.log, server.log


@pytest.mark.parametrize("kind", ["bytes", "form"])
def test_an_upload_that_drips_is_given_up_though_it_never_stalls(
    demanding: RunningServer, kind: str
) -> None:
    with signed_up(demanding, f"{kind}@example.org") as ada, RawConnection(demanding.port) as one:
        head, start = upload_head(ada, ("Content-Length", "100000")), b""
        if kind == "form":
            head = head.replace(b"application/octet-stream", b"multipart/form-data; boundary=xx")
            head = head.replace(b"?visibility=public&name=a.bin", b"")
            start = (
                b'--xx\r\nContent-Disposition: form-data; name="visibility"\r\n\r\npublic\r\n'
                b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            )
        # A byte every twentieth of a second: no stall, and for ever a thousand times too slow.
        one.send(head + start).try_to_send(drip(b"x" * 400, pause_seconds=0.05))
        answer = one.answer()
        assert (answer.status, answer.code) == (408, "too_slow")
        assert "1048576 bytes a second" in str(answer.json()["detail"])
        assert ada.client.get("/api/web3/uploads").json()["items"] == []
    eventually(lambda: not drafts(demanding))


def test_an_upload_that_keeps_up_is_taken_however_large(demanding: RunningServer) -> None:
    with signed_up(demanding, "quick@example.org") as ada:
        answer = ada.client.post(
            "/api/web3/uploads",
            content=bytes(8 * 1024 * 1024),
            params={"name": "a", "visibility": "public"},
        )
        assert answer.status_code == 201


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with one thread for hashes that take their time, and one place to wait."""
    settings = {
        "CHRONICLE_ARGON2_MEMORY_KIB": "19456",
        "CHRONICLE_ARGON2_TIME_COST": "5",
        "CHRONICLE_HASH_POOL_SIZE": "1",
        "CHRONICLE_HASH_QUEUE_LIMIT": "1",
        "CHRONICLE_HASH_QUEUE_RESERVED": "1",
        "CHRONICLE_CHALLENGE": "off",  # which would keep the strangers out
    }
    with RunningServer(tmp_path_factory.mktemp("crowded"), **settings) as server:
        yield server
        assert "a request failed" not in server.log, server.log


@contextlib.contextmanager
def flooded(server: RunningServer) -> Iterator[Callable[[], Counter[int]]]:
    """Strangers who guess all the while, more than there are places; what they were answered."""
    done, answers = threading.Event(), list[int]()

    def guess(number: int) -> None:
        with server.client() as client:
            for count in range(10_000):
                if done.is_set():
                    return
                email = f"somebody-{number}-{count}@example.org"
                answer = client.post("/api/auth/login", json={"email": email, "password": "wrong"})
                answers.append(answer.status_code)

    with ThreadPoolExecutor(6) as pool:
        guesses = [pool.submit(guess, number) for number in range(6)]
        try:
            yield lambda: Counter(answers)
        finally:
            done.set()
    for ended in guesses:
        ended.result()


def test_a_known_device_signs_in_while_strangers_have_taken_every_place(
    crowded: RunningServer,
) -> None:
    with signed_up(crowded, "owner@example.org") as ada, crowded.client() as browser:
        own = {"email": ada.email, "password": PASSWORD}
        assert browser.post("/api/auth/login", json=own).status_code == 200
        with flooded(crowded) as answers:
            for _ in range(10):
                refused = answers()[503]
                eventually(lambda refused=refused: answers()[503] > refused)
                answer = browser.post("/api/auth/login", json=own)
                assert answer.status_code == 200, answer.text
            seen = answers()
        assert seen.keys() == {401, 503}
