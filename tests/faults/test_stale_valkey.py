"""A Valkey that has forgotten, or that knows again what was over: flushed, or failed over.

Copies are asynchronous, so a replica that becomes the primary may lack the last writes: what was
counted is not, and what was dropped is back.
"""

import contextlib
from collections.abc import Iterator

import pytest

from tests.faults.burst import ADMITTED, BEHIND_A_PROXY, BUDGET, REFUSED, guess
from tests.faults.test_valkey_gone import newest_code, register, verify
from tests.running_server import Person, RunningServer, eventually
from tests.services.valkey import Alone, running


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    with running("valkey", tmp_path_factory.mktemp("valkey")) as service:
        yield service


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, alone: Alone) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    with RunningServer(folder, **BEHIND_A_PROXY, CHRONICLE_VALKEY_URL=alone.url) as server:
        yield server
        assert "a request failed" not in server.log, server.log


@pytest.fixture(scope="module")
def ada(server: RunningServer) -> Iterator[Person]:
    person = Person(server, "ada@example.org")
    with person.client:
        yield person.sign_up()


def test_a_flushed_valkey_grants_each_budget_once_more_and_not_twice(
    ada: Person, alone: Alone
) -> None:
    def admitted() -> int:
        statuses = [guess(ada.client, "198.18.9.9", number) for number in range(BUDGET + 5)]
        assert set(statuses) == {ADMITTED, REFUSED}
        return statuses.count(ADMITTED)

    assert admitted() == BUDGET
    with contextlib.closing(alone.raw()) as raw:
        raw.flushall()
        raw.script_flush()
    assert admitted() == BUDGET
    assert guess(ada.client, "198.18.9.9", 99) == REFUSED


class Stale:
    """Copies of what Valkey keeps, to bring back as a replica that was behind would."""

    def __init__(self, alone: Alone) -> None:
        self._raw = alone.raw()
        self._copies = {key: self._raw.dump(key) for key in self._raw.keys("chronicle:ticket:*")}
        assert self._copies

    def promote(self) -> None:
        for key, copy in self._copies.items():
            self._raw.restore(key, 60_000, copy, replace=True)

    def close(self) -> None:
        self._raw.close()


def test_a_code_that_was_used_is_worth_nothing_when_its_ticket_comes_back(
    ada: Person, alone: Alone
) -> None:
    server, client = ada.server, ada.client
    ticket = register(client, "eve@example.org").json()["ticket"]
    code = newest_code(server, "eve@example.org")
    with contextlib.closing(Stale(alone)) as stale:
        assert verify(client, ticket, code).status_code == 201
        stale.promote()
        assert verify(client, ticket, code).status_code == 410


def test_a_mailed_sign_in_and_a_reset_are_good_once_when_their_tickets_come_back(
    ada: Person, alone: Alone
) -> None:
    client = ada.client
    asked = client.post("/api/auth/login/code", json={"email": ada.email})
    body = {"ticket": asked.json()["ticket"], "code": ada.newest_code()}
    with contextlib.closing(Stale(alone)) as stale:
        assert client.post("/api/auth/login/code/verify", json=body).status_code == 200
        stale.promote()
        assert client.post("/api/auth/login/code/verify", json=body).status_code == 410
    mails = len(ada.mails())
    asked = client.post("/api/auth/password/forgot", json={"email": ada.email})
    eventually(lambda: len(ada.mails()) > mails)
    code = ada.newest_code()
    reset = {"ticket": asked.json()["ticket"], "code": code, "password": "nine gulls in the rain"}
    with contextlib.closing(Stale(alone)) as stale:
        assert client.post("/api/auth/password/reset", json=reset).status_code == 204
        stale.promote()
        again = client.post("/api/auth/password/reset", json=reset)
        assert (again.status_code, again.json()["code"]) == (400, "invalid_reset_token")


def test_guesses_that_come_back_with_a_ticket_are_still_counted_in_the_database(
    ada: Person, alone: Alone
) -> None:
    ticket = register(ada.client, "mallory@example.org").json()["ticket"]
    with contextlib.closing(Stale(alone)) as stale:
        answers = []
        for _ in range(5):
            answers += [verify(ada.client, ticket, "0000-0000") for _ in range(4)]
            stale.promote()
    codes = [answer.json()["code"] for answer in answers]
    assert codes.count("invalid_code") == 10
    assert set(codes[10:]) == {"too_many_attempts"}
