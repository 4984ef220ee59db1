"""Two servers over one data folder: everything works at both, and the ledger never forks."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.running_server import PASSWORD, Pair, Person, RunningServer, eventually, two_servers
from tests.stored import (
    UPLOADS,
    contents,
    drafts,
    epochs_of_live_sessions,
    listed,
    log_key,
    put,
    read_log,
)

NewPerson = Callable[[RunningServer, str], Person]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_servers(tmp_path_factory) as pair:
        yield pair


def at(server: RunningServer, person: Person) -> httpx2.Client:
    """The person's client, but talking to this server."""
    token = person.session["access_token"]
    return server.client(headers={"Authorization": f"Bearer {token}"})


def test_racing_uploads_at_two_servers_share_one_ledger(pair: Pair, new_person: NewPerson) -> None:
    first, second = pair
    ada, key = new_person(first, "uploader"), log_key(first)
    files = [os.urandom(1000) if number % 5 else b"the same again" for number in range(100)]

    def upload(number: int) -> httpx2.Response:
        with at(pair[number % 2], ada) as client:
            return client.post(
                UPLOADS,
                content=files[number],
                params={"name": f"{number}.bin", "visibility": "public"},
                headers={"Content-Type": "application/octet-stream"},
            )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(upload, range(100)))
    assert {answer.status_code for answer in answers} == {201}
    eventually(lambda: all(item["ledger"]["index"] is not None for item in listed(ada)))
    kept = listed(ada)
    assert sorted(item["name"] for item in kept) == sorted(f"{n}.bin" for n in range(100))
    indexes = [item["ledger"]["index"] for item in kept]
    assert len(set(indexes)) == 100
    told = {answer.json()["id"]: answer.json()["ledger"]["index"] for answer in answers}
    for item in kept:
        assert told[item["id"]] in (None, item["ledger"]["index"])
    logs = [read_log(server, key) for server in pair]
    logs[1].assert_begins_with(logs[0])
    assert {item["cid"] for item in kept} <= contents(first)
    assert not drafts(first)
    with at(second, ada) as client:
        for number, answer in enumerate(answers):
            content = client.get(f"{UPLOADS}/{answer.json()['id']}/content").content
            assert content == files[number]


def test_a_refresh_token_that_races_at_two_servers_has_one_successor(
    pair: Pair, new_person: NewPerson
) -> None:
    ada = new_person(pair[0], "racer")
    token = ada.session["refresh_token"]
    for _ in range(3):
        answers = race_to_refresh(pair, token)
        assert {answer.status_code for answer in answers} == {200}
        (token,) = {answer.json()["refresh_token"] for answer in answers}
    renewed = httpx2.post(f"{pair[1].url}/api/auth/refresh", json={"refresh_token": token})
    assert renewed.status_code == 200


def race_to_refresh(pair: Pair, token: str) -> list[httpx2.Response]:
    with pair[0].client() as first, pair[1].client() as second, ThreadPoolExecutor(32) as pool:
        clients = (first, second) * 16
        body = {"refresh_token": token}
        return list(pool.map(lambda one: one.post("/api/auth/refresh", json=body), clients))


def test_a_session_that_ends_at_one_server_is_over_at_the_other(
    pair: Pair, new_person: NewPerson
) -> None:
    ada = new_person(pair[0], "leaver")
    with at(pair[1], ada) as elsewhere:
        assert elsewhere.get("/api/auth/user").status_code == 200
        assert ada.client.post("/api/auth/logout").status_code == 204
        eventually(lambda: elsewhere.get("/api/auth/user").status_code == 401, within_seconds=5)


def test_nothing_of_before_lives_on_when_all_others_are_ended_among_racing_calls(
    pair: Pair, new_person: NewPerson
) -> None:
    ada = new_person(pair[0], "ender")
    racing = ada.session["refresh_token"]
    own = ada.sign_in().session
    body = {"email": ada.email, "password": PASSWORD, "token_transport": "body"}
    with (
        pair[0].client() as first,
        pair[1].client() as second,
        at(pair[1], ada) as caller,
        ThreadPoolExecutor(33) as pool,
    ):
        clients = (first, second)

        def call(number: int) -> httpx2.Response:
            if number == 16:
                return caller.post("/api/auth/logout-others")
            client = clients[number % 2]
            if number % 3:
                return client.post("/api/auth/login", json=body)
            return client.post("/api/auth/refresh", json={"refresh_token": racing})

        answers = list(pool.map(call, range(33)))
        ended = answers.pop(16)
        assert ended.status_code == 204
        # More than five guesses at once are a lock for some, and many hashes at once too many.
        assert {answer.status_code for answer in answers} <= {200, 401, 429, 503}
        granted = [answer.json() for answer in answers if answer.status_code == 200]
        live = {item["id"] for item in caller.get("/api/auth/sessions").json()["items"]}
        assert own["session_id"] in live
        for session in granted:
            for client in clients:
                token = {"Authorization": f"Bearer {session['access_token']}"}
                lives = client.get("/api/auth/user", headers=token).status_code == 200
                assert lives == (session["session_id"] in live)
        # What is left began after the end: its epoch is the caller's.
        epochs = epochs_of_live_sessions(ada)
        assert set(epochs.values()) == {1}
        assert set(epochs) == live
        renewed = first.post("/api/auth/refresh", json={"refresh_token": own["refresh_token"]})
        assert renewed.status_code == 200
        assert first.post("/api/auth/refresh", json={"refresh_token": racing}).status_code == 401


def test_one_server_goes_on_when_the_other_ends_or_is_killed(
    pair: Pair, new_person: NewPerson
) -> None:
    first, second = pair
    ada, key = new_person(first, "stayer"), log_key(first)
    assert put(ada, b"before").status_code == 201
    before = read_log(second, key)
    first.kill()
    with at(second, ada) as client:
        assert client.get("/api/auth/user").status_code == 200
        assert client.get(UPLOADS).json()["items"][0]["name"] == "a.bin"

        def registers() -> bool:
            body = {"email": "eve@example.org", "password": PASSWORD}
            return client.post("/api/auth/register", json=body).status_code == 202

        # The first owned Valkey; the second takes it over.
        eventually(registers, within_seconds=20)
    first.start()
    ada.sign_in()
    assert put(ada, b"afterwards").status_code == 201
    assert second.stop() == 0
    assert put(ada, b"alone again").status_code == 201
    eventually(lambda: all(item["ledger"]["index"] is not None for item in listed(ada)))
    read_log(first, key).assert_begins_with(before)
