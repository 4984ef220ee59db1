"""Backends that ask whether a token is good at this moment (RFC 7662)."""

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.running_server import PASSWORD, Person, RunningServer

BACKEND = "https://reports.example.org"
CLIENT = "reports-console/2"
_numbers = itertools.count()
KEYS = ("first-service-key-of-this-test-suite", "second-service-key-of-this-test-suite")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {
        "CHRONICLE_AUDIENCES": BACKEND,
        "CHRONICLE_CLIENT_ID": CLIENT,
        "CHRONICLE_LIMIT_SCALE": "100",
        "CHRONICLE_INTROSPECTION_KEYS": ", ".join(KEYS),
    }
    with RunningServer(tmp_path_factory.mktemp("introspection"), **settings) as server:
        yield server


@pytest.fixture
def ada(server: RunningServer) -> Iterator[Person]:
    person = Person(server, f"ada-{next(_numbers)}@example.org")
    with person.client:
        yield person.sign_up()


def ask(server: RunningServer, token: str, *, key: str = KEYS[0]) -> dict[str, Any]:
    with server.client() as client:
        answer = client.post(
            "/api/auth/introspect",
            data={"token": token},
            headers={"Authorization": f"Bearer {key}"},
        )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_good_token_is_active_and_says_whose_it_is(server: RunningServer, ada: Person) -> None:
    facts = ask(server, ada.session["access_token"])
    assert facts["active"] is True
    assert facts["sub"] == ada.session["user"]["id"]
    assert facts["sid"] == ada.session["session_id"]
    assert (facts["iss"], facts["aud"]) == (server.url, server.url)
    assert facts["exp"] - facts["iat"] == 600
    assert facts["token_type"] == "Bearer"


def test_a_token_names_the_client_that_is_configured(server: RunningServer, ada: Person) -> None:
    claims = ada.session["access_token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["client_id"] == CLIENT
    assert ask(server, ada.session["access_token"])["client_id"] == CLIENT


@pytest.mark.parametrize("key", KEYS)
def test_each_service_key_and_json_will_do(server: RunningServer, ada: Person, key: str) -> None:
    with server.client() as client:
        answer = client.post(
            "/api/auth/introspect",
            json={"token": ada.session["access_token"], "token_type_hint": "access_token"},
            headers={"Authorization": f"Bearer {key}"},
        )
    assert answer.json()["active"] is True
    assert answer.headers["cache-control"] == "no-store"


def test_a_token_for_a_backend_is_active_until_its_session_ends(
    server: RunningServer, ada: Person
) -> None:
    bearer = {"Authorization": f"Bearer {ada.session['access_token']}"}
    wanted = ada.client.post("/api/auth/token", json={"audience": BACKEND}, headers=bearer)
    token = wanted.json()["access_token"]
    assert ask(server, token)["aud"] == BACKEND
    assert (
        ada.client.get("/api/auth/user", headers={"Authorization": f"Bearer {token}"}).status_code
        == 401
    )
    assert ada.client.post("/api/auth/logout", headers=bearer).status_code == 204
    assert ask(server, token) == {"active": False}
    assert ask(server, ada.session["access_token"]) == {"active": False}


def test_a_changed_password_ends_what_others_hold(server: RunningServer, ada: Person) -> None:
    other = Person(server, ada.email)
    with other.client:
        other.sign_in()
    changed = ada.client.post(
        "/api/auth/password/change",
        json={"password": PASSWORD, "new_password": "another fifteen characters"},
        headers={"Authorization": f"Bearer {ada.session['access_token']}"},
    )
    assert changed.status_code == 204
    assert ask(server, other.session["access_token"]) == {"active": False}
    assert ask(server, ada.session["access_token"])["active"] is True


def test_nothing_is_said_of_what_is_no_access_token(server: RunningServer, ada: Person) -> None:
    access = ada.session["access_token"]
    signed, _, signature = access.rpartition(".")
    for token in (
        ada.session["refresh_token"],
        f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        access + "x",
        "x",
        "\N{SNOWMAN}",
    ):
        assert ask(server, token) == {"active": False}


@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer x", "Basic eDp5", "Bearer " + "a" * 36]
)
def test_nobody_else_may_ask(server: RunningServer, ada: Person, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    with server.client() as client:
        answer = client.post(
            "/api/auth/introspect", data={"token": ada.session["access_token"]}, headers=headers
        )
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_service_key")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_person_s_own_token_is_no_service_key(server: RunningServer, ada: Person) -> None:
    token = ada.session["access_token"]
    with server.client() as client:
        answer = client.post(
            "/api/auth/introspect",
            data={"token": token},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert answer.json()["code"] == "invalid_service_key"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("token=a&token=b", "invalid_request"),
        ("token", "invalid_request"),
        ("", "invalid_request"),
        ("token=a&more=b", "invalid_request"),
        ("token=" + "a" * 9000, "invalid_request"),
        ("token=\N{SNOWMAN}", "invalid_request"),
    ],
)
def test_a_form_that_is_not_well_formed_is_an_error(
    server: RunningServer, body: str, code: str
) -> None:
    with server.client() as client:
        answer = client.post(
            "/api/auth/introspect",
            content=body.encode(),
            headers={
                "Authorization": f"Bearer {KEYS[1]}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_document_says_what_is_sent_and_how_it_can_fail(server: RunningServer) -> None:
    with server.client() as client:
        told = client.get("/openapi.json").json()["paths"]["/api/auth/introspect"]["post"]
    assert told["security"] == [{"service_key": []}]
    assert set(told["requestBody"]["content"]) == {
        "application/x-www-form-urlencoded",
        "application/json",
    }
    assert "`invalid_service_key`" in told["responses"]["401"]["description"]
    assert "`unavailable`" in told["responses"]["503"]["description"]


def test_what_is_neither_a_form_nor_json_is_refused_with_what_is_taken(
    server: RunningServer,
) -> None:
    headers = {"Authorization": f"Bearer {KEYS[0]}", "Content-Type": "text/plain"}
    with server.client() as client:
        answer = client.post("/api/auth/introspect", content=b"token=x", headers=headers)
    assert answer.status_code == 415
    assert "application/x-www-form-urlencoded or application/json" in answer.json()["detail"]


def test_forms_are_taken_nowhere_else(server: RunningServer) -> None:
    with server.client() as client:
        answer = client.post("/api/auth/login", data={"email": "a@example.org", "password": "x"})
    assert answer.status_code == 415


def test_without_a_configured_key_nobody_is_answered(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with RunningServer(tmp_path_factory.mktemp("no-keys")) as server, server.client() as client:
        for authorization in ("Bearer", "Bearer None", f"Bearer {KEYS[0]}"):
            headers = {"Authorization": authorization}
            answer = client.post("/api/auth/introspect", data={"token": "x"}, headers=headers)
            assert answer.json()["code"] == "invalid_service_key"
