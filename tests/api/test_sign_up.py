import base64
import contextlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.running_server import PASSWORD, Person, RunningServer, undisturbed


def register(client: httpx2.Client, email: str, **extra: object) -> httpx2.Response:
    body = {"email": email, "password": PASSWORD, **extra}
    return client.post("/api/auth/register", json=body)


def verify(client: httpx2.Client, ticket: str, code: str) -> httpx2.Response:
    body = {"ticket": ticket, "code": code, "token_transport": "body"}
    return client.post("/api/auth/register/verify", json=body)


def test_a_person_signs_up_with_the_mailed_code(new_person: Callable[[], Person]) -> None:
    person = new_person()
    answer = register(person.client, person.email, name="Ada")
    assert answer.status_code == 202
    assert answer.json().keys() == {"ticket", "expires_in", "resend_after"}
    assert (answer.json()["expires_in"], answer.json()["resend_after"]) == (600, 60)
    session = verify(person.client, answer.json()["ticket"], person.newest_code())
    assert session.status_code == 201
    body = session.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 600
    assert body["user"]["email"] == person.email
    assert body["user"]["email_verified"] is True
    assert body["user"]["name"] == "Ada"


def test_no_account_exists_before_the_code_is_entered(new_person: Callable[[], Person]) -> None:
    person = new_person()
    register(person.client, person.email)
    answer = person.client.post(
        "/api/auth/login", json={"email": person.email, "password": PASSWORD}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


def test_a_code_is_taken_in_any_spelling(new_person: Callable[[], Person]) -> None:
    person = new_person()
    ticket = register(person.client, person.email).json()["ticket"]
    spelt = person.newest_code().lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert verify(person.client, ticket, spelt).status_code == 201


def test_five_wrong_codes_end_the_ticket(new_person: Callable[[], Person]) -> None:
    person = new_person()
    ticket = register(person.client, person.email).json()["ticket"]
    code = person.newest_code()
    for guess in ("0000-0000", "not a code", "ZZZZ-ZZZZ", "", "1111-1111"):
        answer = verify(person.client, ticket, guess)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
    answer = verify(person.client, ticket, code)
    assert (answer.status_code, answer.json()["code"]) == (410, "ticket_expired")


def test_racing_guesses_are_never_more_than_five(new_person: Callable[[], Person]) -> None:
    def race() -> list[httpx2.Response]:
        person = new_person()
        ticket = register(person.client, person.email).json()["ticket"]
        with ThreadPoolExecutor(16) as pool:
            return list(
                pool.map(lambda n: verify(person.client, ticket, f"0000-000{n % 10}"), range(32))
            )

    answers = undisturbed(race)
    assert sorted(answer.status_code for answer in answers) == [400] * 5 + [410] * 27


def test_of_racing_sign_ups_with_one_ticket_one_gets_a_session(
    new_person: Callable[[], Person],
) -> None:
    def race() -> list[httpx2.Response]:
        person = new_person()
        ticket = register(person.client, person.email).json()["ticket"]
        code = person.newest_code()
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda _: verify(person.client, ticket, code), range(4)))

    answers = undisturbed(race)
    assert sorted(answer.status_code for answer in answers) == [201, 410, 410, 410]


def test_a_ticket_is_good_once(new_person: Callable[[], Person]) -> None:
    person = new_person()
    ticket = register(person.client, person.email).json()["ticket"]
    code = person.newest_code()
    assert verify(person.client, ticket, code).status_code == 201
    again = verify(person.client, ticket, code)
    assert (again.status_code, again.json()["code"]) == (410, "ticket_expired")


def test_a_made_up_ticket_is_expired(client: httpx2.Client) -> None:
    for ticket in ("", "x", "A" * 32, "\u00e9" * 20, "../../etc"):
        answer = verify(client, ticket, "0000-0000")
        assert (answer.status_code, answer.json()["code"]) == (410, "ticket_expired")


def test_a_taken_address_is_answered_like_a_free_one(
    ada: Person, new_person: Callable[[], Person]
) -> None:
    free = new_person()
    for_taken, for_free = register(ada.client, ada.email), register(free.client, free.email)
    assert for_taken.status_code == for_free.status_code == 202
    assert len(for_taken.content) == len(for_free.content)
    assert set(for_taken.headers) == set(for_free.headers)
    assert for_taken.json() | {"ticket": ""} == for_free.json() | {"ticket": ""}
    wrong = [
        verify(who.client, answer.json()["ticket"], "0000-0000")
        for who, answer in ((ada, for_taken), (free, for_free))
    ]
    assert wrong[0].status_code == wrong[1].status_code == 400
    assert wrong[0].json()["code"] == wrong[1].json()["code"]


def test_the_owner_of_a_taken_address_is_told_and_keeps_the_password(ada: Person) -> None:
    other = {"email": ada.email.upper(), "password": "another fifteen characters"}
    answer = ada.client.post("/api/auth/register", json=other)
    assert answer.status_code == 202
    assert "already" in ada.mails()[0]["subject"]
    assert ada.sign_in().session["user"]["email"] == ada.email


def test_the_owner_of_a_taken_address_is_told_in_their_language(ada: Person) -> None:
    assert ada.client.patch("/api/auth/user", json={"locale": "de-AT"}).status_code == 200
    other = {"email": ada.email, "password": "another fifteen characters"}
    assert ada.client.post("/api/auth/register", json=other).status_code == 202
    assert ada.mails()[0]["subject"] == "Sie haben schon ein Chronicle-Konto"


def test_two_sign_ups_for_one_address_make_one_account(new_person: Callable[[], Person]) -> None:
    person = new_person()
    first = register(person.client, person.email).json()["ticket"]
    first_code = person.newest_code()
    second = register(person.client, person.email).json()["ticket"]
    second_code = person.newest_code()
    assert verify(person.client, first, second_code).json()["code"] == "invalid_code"
    assert verify(person.client, second, second_code).status_code == 201
    late = verify(person.client, first, first_code)
    assert (late.status_code, late.json()["code"]) == (409, "email_taken")


def test_another_code_is_not_sent_within_a_minute(new_person: Callable[[], Person]) -> None:
    person = new_person()
    ticket = register(person.client, person.email).json()["ticket"]
    answer = person.client.post("/api/auth/register/resend", json={"ticket": ticket})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert len(person.mails()) == 1
    gone = person.client.post("/api/auth/register/resend", json={"ticket": "A" * 32})
    assert (gone.status_code, gone.json()["code"]) == (410, "ticket_expired")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "ada@example.org"}, "password"),
        ({"email": "ada", "password": PASSWORD}, "email"),
        ({"email": "ada@example.org", "password": "short"}, "password"),
        ({"email": "ada@example.org", "password": "x" * 257}, "password"),
        ({"email": {"$ne": None}, "password": PASSWORD}, "email"),
        ({"email": "ada@example.org", "password": ["x"]}, "password"),
        ({"email": "ada@example.org", "password": PASSWORD, "role": "admin"}, "role"),
        ({"email": "ada@example.org", "password": PASSWORD, "name": ""}, "name"),
    ],
)
def test_what_can_not_be_accepted_is_said_of_its_field(
    client: httpx2.Client, body: dict[str, object], field: str
) -> None:
    answer = client.post("/api/auth/register", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid_request"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("PATCH", "user", {"locale": "en_GB!"}, "is not well formed"),
        ("PATCH", "user", {"timezone": "x" * 65}, "may have at most 64 characters"),
        ("PATCH", "user", {"name": ""}, "must have at least 1 character"),
        ("PATCH", "user", {"name": 1}, "must be a text or null"),
        ("PATCH", "user", {"role": "admin"}, "is not a known field"),
        ("PATCH", "user", [], "must be an object"),
        ("POST", "register", {"email": "ada@example.org"}, "is required"),
        ("POST", "refresh", {"refresh_token": ["x"]}, "must be a text"),
        (
            "POST",
            "login",
            {"email": "", "password": "", "token_transport": "pigeon"},
            "is not one of those that are known",
        ),
        ("GET", "sessions?limit=0", None, "must be at least 1"),
        ("GET", "sessions?limit=101", None, "must be at most 100"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_words_for_people(
    ada: Person, method: str, path: str, body: object, words: str
) -> None:
    answer = ada.client.request(method, f"/api/auth/{path}", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["message"] == words
    assert answer.json()["detail"] == f"{error['field']}: {words}"


def test_no_address_name_or_secret_stands_in_the_data_folder_in_plain_text(
    server: RunningServer, new_person: Callable[[], Person]
) -> None:
    person = new_person()
    person.sign_up(name="Zacharias Canary")
    session = person.session
    canaries = [person.email.encode(), b"Zacharias", PASSWORD.encode()]
    canaries += [session["refresh_token"].encode(), session["access_token"].encode()]
    canaries += [base64.b64encode(person.email.encode()), person.email.encode().hex().encode()]
    for file in [Path(at, name) for at, _, names in os.walk(server.data_dir) for name in names]:
        # The ledger takes files and folders of its own away while they are looked at.
        with contextlib.suppress(FileNotFoundError):
            if file.is_file() and "outbox" not in file.parts:
                content = file.read_bytes()
                assert not [canary for canary in canaries if canary in content], file
    log = server.log
    assert not [canary for canary in canaries if canary.decode() in log]


def test_the_access_token_says_what_the_contract_says(ada: Person) -> None:
    header, claims, _ = ada.session["access_token"].split(".")
    header, claims = json.loads(decoded(header)), json.loads(decoded(claims))
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    assert claims.keys() == {
        *("iss", "aud", "sub", "client_id", "sid", "jti"),
        *("iat", "nbf", "exp", "auth_time", "amr", "acr"),
    }
    assert claims["exp"] - claims["iat"] == 600
    assert claims["sub"] == ada.session["user"]["id"]
    assert claims["sid"] == ada.session["session_id"]
    assert (claims["amr"], claims["acr"]) == (["pwd", "otp"], "aal1")
    assert claims["iss"] == claims["aud"] == ada.server.url
    assert claims["client_id"] == "chronicle-console"
    assert claims["nbf"] == claims["iat"] >= claims["auth_time"] > claims["iat"] - 60
    assert json.loads(decoded(ada.sign_in().session["access_token"].split(".")[1]))["amr"] == [
        "pwd"
    ]


def test_anybody_can_check_an_access_token_with_the_published_keys_alone(ada: Person) -> None:
    keys = ada.client.get("/.well-known/jwks.json").json()["keys"]
    assert not [key for key in keys if "d" in key]
    head, claims, signature = ada.session["access_token"].split(".")
    (key,) = [key for key in keys if key["kid"] == json.loads(decoded(head))["kid"]]
    public = Ed25519PublicKey.from_public_bytes(decoded(key["x"]))
    public.verify(decoded(signature), f"{head}.{claims}".encode())
    with pytest.raises(InvalidSignature):
        public.verify(decoded(signature), f"{head}.{claims[:-1]}".encode())


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "==")
