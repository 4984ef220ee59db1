"""A server with more passwords to hash than it can: who is turned away has paid nothing."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

import httpx2
import pytest

from tests.running_server import PASSWORD, RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    slow = {
        "CHRONICLE_ARGON2_MEMORY_KIB": "65536",
        "CHRONICLE_ARGON2_TIME_COST": "8",  # most of a second
        "CHRONICLE_HASH_POOL_SIZE": "1",
        "CHRONICLE_HASH_QUEUE_LIMIT": "0",
        "CHRONICLE_HASH_QUEUE_RESERVED": "1",
        "CHRONICLE_CHALLENGE": "off",
        "CHRONICLE_LIMIT_SCALE": "1",
    }
    with RunningServer(tmp_path_factory.mktemp("overload"), **slow) as server:
        yield server


def sign_in(server: RunningServer) -> httpx2.Response:
    person = {"email": "nobody@example.org", "password": PASSWORD}
    with server.client() as client:
        return client.post("/api/auth/login", json=person)


def sign_up(server: RunningServer, email: str) -> httpx2.Response:
    person = {"email": email, "password": PASSWORD, "name": "Ada"}
    with server.client() as client:
        return client.post("/api/auth/register", json=person)


@pytest.fixture
def busy(server: RunningServer) -> Iterator[Iterator["Future[httpx2.Response]"]]:
    """A sign-in whose hash takes the only thread; its answer comes when that is done."""
    with ThreadPoolExecutor(2) as pool:
        answers = as_completed([pool.submit(sign_in, server) for _ in range(2)])
        assert next(answers).result().status_code == 503, "and so the other one is at work"
        yield answers


def test_who_is_turned_away_is_told_so_and_has_paid_nothing(
    server: RunningServer, busy: Iterator["Future[httpx2.Response]"]
) -> None:
    refused = sign_in(server)
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["retry-after"] == "2"
    assert "ratelimit" not in refused.headers


def test_sign_ups_that_are_turned_away_take_nothing_from_the_mails_of_an_address(
    server: RunningServer, busy: Iterator["Future[httpx2.Response]"]
) -> None:
    # Five mails an hour go to one address.
    refused = [sign_up(server, "ada@example.org") for _ in range(6)]
    assert {answer.status_code for answer in refused} == {503}
    assert next(busy).result().status_code == 401
    assert sign_up(server, "ada@example.org").status_code == 202
