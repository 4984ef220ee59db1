"""A fresh session by a mailed code, over HTTP."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import pytest

from tests.mailboxes import code_mailed_to
from tests.running_server import PASSWORD, Person
from tests.stored import make_sign_in_older


def post(client: httpx2.Client, path: str, **body: object) -> httpx2.Response:
    return client.post(f"/api/auth/{path}", json=body)


def by_code(person: Person, ticket: str, code: str) -> httpx2.Response:
    return post(
        person.client,
        "reauthenticate",
        method="code",
        ticket=ticket,
        code=code,
        token_transport="body",
    )


def send_code(person: Person) -> str:
    issued = person.client.post("/api/auth/reauthenticate/send-code")
    assert issued.status_code == 202, issued.text
    ticket: str = issued.json()["ticket"]
    return ticket


def status(person: Person, session: dict[str, str]) -> int:
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    return person.client.get("/api/auth/user", headers=headers).status_code


def methods_of(session: Mapping[str, Any]) -> list[str]:
    """The methods (RFC 8176) that a session's access token names."""
    claims = session["access_token"].split(".")[1]
    methods: list[str] = json.loads(base64.urlsafe_b64decode(claims + "=="))["amr"]
    return methods


def test_a_token_says_by_what_its_session_was_granted(ada: Person) -> None:
    assert methods_of(ada.session) == ["pwd", "otp"]
    assert methods_of(ada.sign_in().session) == ["pwd"]
    by_password = post(ada.client, "reauthenticate", password=PASSWORD, token_transport="body")
    assert methods_of(by_password.json()) == ["pwd"]
    ada.sign_in()
    entered = by_code(ada, send_code(ada), code_mailed_to(ada, ada.email)).json()
    assert methods_of(entered) == ["otp"]
    ticket = post(ada.client, "login/code", email=ada.email).json()["ticket"]
    code = code_mailed_to(ada, ada.email)
    entered = post(
        ada.client, "login/code/verify", ticket=ticket, code=code, token_transport="body"
    ).json()
    assert methods_of(entered) == ["otp"]
    renewed = post(ada.client, "refresh", refresh_token=entered["refresh_token"]).json()
    assert methods_of(renewed) == ["otp"]


def test_a_mailed_code_gives_a_fresh_session_in_place_of_the_old_one(ada: Person) -> None:
    make_sign_in_older(ada, minutes=60)
    ticket = send_code(ada)
    answer = by_code(ada, ticket, code_mailed_to(ada, ada.email))
    assert answer.status_code == 200
    fresh = answer.json()
    assert fresh["session_id"] != ada.session["session_id"]
    assert (status(ada, ada.session), status(ada, fresh)) == (401, 200)
    headers = {"Authorization": f"Bearer {fresh['access_token']}"}
    change = ada.client.post(
        "/api/auth/user/email/send-code", json={"email": "next." + ada.email}, headers=headers
    )
    assert change.status_code == 202


def test_a_code_is_good_once_and_for_the_session_that_asked(ada: Person) -> None:
    asked = ada.session
    ticket = send_code(ada)
    code = code_mailed_to(ada, ada.email)
    elsewhere = by_code(ada.sign_in(), ticket, code)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (410, "ticket_expired")
    ada.client.headers["Authorization"] = f"Bearer {asked['access_token']}"
    fresh = by_code(ada, ticket, code)
    assert fresh.status_code == 200
    ada.client.headers["Authorization"] = f"Bearer {fresh.json()['access_token']}"
    again = by_code(ada, ticket, code)
    assert (again.status_code, again.json()["code"]) == (410, "ticket_expired")


def test_a_wrong_code_leaves_the_session_as_it_is(ada: Person) -> None:
    answer = by_code(ada, send_code(ada), "0000-0000")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
    assert status(ada, ada.session) == 200


def test_the_ticket_of_somebody_else_is_good_for_nothing(
    ada: Person, new_person: Callable[[], Person]
) -> None:
    ticket = send_code(ada)
    code = code_mailed_to(ada, ada.email)
    eve = new_person().sign_up()
    assert by_code(eve, ticket, code).status_code == 410
    for path in ("login/code/verify", "register/verify", "user/email/verify"):
        answer = post(ada.client, path, ticket=ticket, code=code)
        assert (answer.status_code, answer.json()["code"]) == (410, "ticket_expired")
    assert by_code(ada, ticket, code).status_code == 200


@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"method": "code"},
        {"method": "code", "ticket": "x"},
        {"ticket": "x", "code": "0000-0000"},
        {"password": PASSWORD, "method": "code", "ticket": "x", "code": "0000-0000"},
        {"password": PASSWORD, "method": "code"},
        {"password": PASSWORD, "code": "0000-0000"},
        {"method": "totp", "ticket": "x", "code": "0000-0000"},
    ],
)
def test_half_a_proof_is_no_proof(ada: Person, proof: dict[str, str]) -> None:
    answer = post(ada.client, "reauthenticate", **proof)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert status(ada, ada.session) == 200


def test_an_account_without_a_password_is_asked_for_a_code(ada: Person) -> None:
    post(ada.client, "password/change", password=PASSWORD, new_password=PASSWORD + " too")
    report = ada.mails()[0]["text"].split("/report#token=")[1][:22]
    assert post(ada.client, "report", token=report).status_code == 204
    ticket = post(ada.client, "login/code", email=ada.email).json()["ticket"]
    code = code_mailed_to(ada, ada.email)
    entered = post(
        ada.client, "login/code/verify", ticket=ticket, code=code, token_transport="body"
    )
    ada.session = entered.json()
    ada.client.headers["Authorization"] = f"Bearer {ada.session['access_token']}"
    refused = post(ada.client, "reauthenticate", password=PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")
    assert by_code(ada, send_code(ada), code_mailed_to(ada, ada.email)).status_code == 200
