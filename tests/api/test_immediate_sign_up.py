"""A server on which a sign-up makes an account at once."""

import itertools
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.api.test_reauthentication import methods_of
from tests.attacks.documented import Document
from tests.mailboxes import code_mailed_to, mails_to
from tests.running_server import PASSWORD, Person, RunningServer
from tests.stored import put

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def immediate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("immediate")
    with RunningServer(folder, CHRONICLE_REGISTRATION="immediate") as server:
        yield server
        assert "a request failed" not in server.log, server.log
        assert "Traceback" not in server.log, server.log


@pytest.fixture
def somebody(immediate: RunningServer) -> Iterator[Person]:
    person = Person(immediate, f"person-{next(_numbers)}@example.org")
    with person.client:
        yield person


def post(client: httpx2.Client, path: str, **body: object) -> httpx2.Response:
    return client.post(f"/api/auth/{path}", json=body)


def register(person: Person, **extra: object) -> httpx2.Response:
    body = {"email": person.email, "password": PASSWORD, "token_transport": "body", **extra}
    return person.client.post("/api/auth/register", json=body)


def sign_up(person: Person) -> dict[str, str]:
    """Sign up at once; the ticket that confirms the address."""
    answer = register(person)
    assert answer.status_code == 201, answer.text
    person.session = answer.json()
    person.client.headers["Authorization"] = f"Bearer {person.session['access_token']}"
    ticket: dict[str, str] = answer.json()["email_verification"]
    return ticket


def confirm(person: Person, ticket: str, code: str) -> httpx2.Response:
    return post(person.client, "user/email/verify", ticket=ticket, code=code)


def login(person: Person, password: str = PASSWORD) -> int:
    return post(person.client, "login", email=person.email, password=password).status_code


def test_a_page_of_another_origin_can_not_sign_up_into_a_cookie(somebody: Person) -> None:
    body = {"email": somebody.email, "password": PASSWORD}
    refused = somebody.client.post(
        "/api/auth/register", json=body, headers={"Origin": "http://evil.example"}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
    assert "set-cookie" not in refused.headers
    assert register(somebody).status_code == 201


def sign_in_by_code(person: Person) -> httpx2.Response:
    with person.server.client() as elsewhere:
        ticket = post(elsewhere, "login/code", email=person.email).json()["ticket"]
        code = code_mailed_to(person, person.email)
        return post(
            elsewhere, "login/code/verify", ticket=ticket, code=code, token_transport="body"
        )


def test_a_sign_up_is_answered_with_a_session_and_a_way_to_confirm(somebody: Person) -> None:
    answer = register(somebody, name="Ada")
    assert answer.status_code == 201
    body = answer.json()
    assert body["user"]["email_verified"] is False
    assert body["user"]["name"] == "Ada"
    assert body["refresh_token"]
    issued = body["email_verification"]
    assert (issued["expires_in"], issued["resend_after"]) == (600, 60)
    somebody.client.headers["Authorization"] = f"Bearer {body['access_token']}"
    done = confirm(somebody, issued["ticket"], code_mailed_to(somebody, somebody.email))
    assert (done.status_code, done.json()["email_verified"]) == (200, True)
    assert somebody.client.get("/api/auth/user").json()["email_verified"] is True


def test_the_token_names_the_code_only_where_one_was_entered(somebody: Person) -> None:
    sign_up(somebody)
    assert methods_of(somebody.session) == ["pwd"]
    assert methods_of(sign_in_by_code(somebody).json()) == ["otp"]


def test_a_browser_gets_its_cookies(somebody: Person) -> None:
    answer = register(somebody, token_transport="cookie")
    assert answer.status_code == 201
    assert "refresh_token" not in answer.json()
    names = {cookie.partition("=")[0] for cookie in answer.headers.get_list("set-cookie")}
    assert names == {"chronicle_refresh", "chronicle_device"}
    assert answer.headers["cache-control"] == "no-store"
    assert "ratelimit-policy" in answer.headers


def test_the_answer_is_one_that_the_document_names(somebody: Person) -> None:
    document = Document(somebody.client.get("/openapi.json").json())
    made, taken = register(somebody), register(somebody)
    assert (made.status_code, taken.status_code) == (201, 409)
    assert [*document.complaints(made), *document.complaints(taken)] == []
    responses = document.operations["POST", "/api/auth/register"]["responses"]
    schemas = [
        responses[status]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for status in ("201", "202")
    ]
    assert schemas == ["NewSession", "IssuedTicket"]


def test_a_taken_address_is_refused_in_any_spelling(somebody: Person) -> None:
    sign_up(somebody)
    before = len(mails_to(somebody, somebody.email))
    answer = register(somebody, email=somebody.email.upper(), password="another fifteen letters")
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert login(somebody) == 200
    assert len(mails_to(somebody, somebody.email)) == before


def test_nothing_is_uploaded_before_the_address_is_confirmed(somebody: Person) -> None:
    issued = sign_up(somebody)
    raw = put(somebody, b"bytes")
    form = somebody.client.post(
        "/api/web3/uploads", files={"file": b"bytes"}, data={"visibility": "public"}
    )
    for answer in (raw, form):
        assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")
    assert somebody.client.get("/api/web3/uploads").json()["items"] == []
    confirm(somebody, issued["ticket"], code_mailed_to(somebody, somebody.email))
    assert put(somebody, b"bytes").status_code == 201


def test_confirming_from_within_the_session_keeps_it_and_the_password(somebody: Person) -> None:
    issued = sign_up(somebody)
    confirm(somebody, issued["ticket"], code_mailed_to(somebody, somebody.email))
    assert somebody.client.get("/api/auth/user").status_code == 200
    assert login(somebody) == 200
    assert sign_in_by_code(somebody).status_code == 200
    assert somebody.client.get("/api/auth/user").status_code == 200


def test_the_owner_who_signs_in_by_code_shares_the_account_with_nobody(somebody: Person) -> None:
    sign_up(somebody)
    owners = sign_in_by_code(somebody)
    assert owners.status_code == 200
    assert owners.json()["user"]["email_verified"] is True
    assert somebody.client.get("/api/auth/user").status_code == 401
    stolen = post(somebody.client, "refresh", refresh_token=somebody.session["refresh_token"])
    assert stolen.status_code == 401
    assert login(somebody) == 401
    headers = {"Authorization": f"Bearer {owners.json()['access_token']}"}
    assert somebody.client.get("/api/auth/user", headers=headers).status_code == 200
    subjects = [mail["subject"] for mail in mails_to(somebody, somebody.email)]
    assert "Your address is confirmed, and a password was removed" in subjects


def test_a_reset_leaves_nothing_of_who_signed_up(somebody: Person) -> None:
    sign_up(somebody)
    ticket = post(somebody.client, "password/forgot", email=somebody.email).json()["ticket"]
    code = code_mailed_to(somebody, somebody.email)
    new = "three kettles sing below the stairs"
    done = post(somebody.client, "password/reset", ticket=ticket, code=code, password=new)
    assert done.status_code == 204
    assert somebody.client.get("/api/auth/user").status_code == 401
    assert (login(somebody), login(somebody, new)) == (401, 200)
    assert somebody.sign_in_with(new).session["user"]["email_verified"] is True


def test_a_code_of_before_confirms_nothing_after_the_owner_came(somebody: Person) -> None:
    issued = sign_up(somebody)
    code = code_mailed_to(somebody, somebody.email)
    owners = sign_in_by_code(somebody).json()
    somebody.client.headers["Authorization"] = f"Bearer {owners['access_token']}"
    late = confirm(somebody, issued["ticket"], code)
    assert (late.status_code, late.json()["code"]) == (410, "ticket_expired")


def test_a_password_that_can_not_be_set_makes_no_account(somebody: Person) -> None:
    assert register(somebody, password="short").status_code == 422
    assert register(somebody).status_code == 201


def test_in_the_default_mode_no_session_comes_of_a_sign_up(
    new_person: Callable[[], Person],
) -> None:
    answer = register(new_person())
    assert answer.status_code == 202
    assert answer.json().keys() == {"ticket", "expires_in", "resend_after"}
