"""Confirming, changing and taking back an address, over HTTP."""

from collections.abc import Callable

import httpx2
import pytest

from tests.mailboxes import code_mailed_to, mails_to, token_mailed_to
from tests.running_server import PASSWORD, Person
from tests.stored import make_sign_in_older

NEW = "another fifteen characters"


def post(client: httpx2.Client, path: str, **body: object) -> httpx2.Response:
    return client.post(f"/api/auth/{path}", json=body)


def send_code(person: Person, email: str | None = None) -> httpx2.Response:
    return post(person.client, "user/email/send-code", **({"email": email} if email else {}))


def verify(person: Person, ticket: str, code: str) -> httpx2.Response:
    return post(person.client, "user/email/verify", ticket=ticket, code=code)


def change_to(person: Person, email: str) -> httpx2.Response:
    issued = send_code(person, email)
    assert issued.status_code == 202, issued.text
    return verify(person, issued.json()["ticket"], code_mailed_to(person, email))


def status(person: Person, session: dict[str, str]) -> int:
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    return person.client.get("/api/auth/user", headers=headers).status_code


def login(person: Person, email: str, password: str = PASSWORD) -> int:
    return post(person.client, "login", email=email, password=password).status_code


def test_an_address_changes_with_the_code_from_its_mailbox(ada: Person) -> None:
    other = ada.session
    ada.sign_in()
    new = "Next." + ada.email
    answer = change_to(ada, new)
    assert answer.status_code == 200
    assert (answer.json()["email"], answer.json()["email_verified"]) == (new, True)
    assert ada.client.get("/api/auth/user").json() == answer.json()
    assert status(ada, other) == 401
    assert post(ada.client, "refresh", refresh_token=other["refresh_token"]).status_code == 401
    mine = post(ada.client, "refresh", refresh_token=ada.session["refresh_token"])
    assert mine.status_code == 200
    assert (login(ada, ada.email), login(ada, new.upper())) == (401, 200)
    events = ada.client.get("/api/auth/user/login-events").json()["items"]
    assert ("email_change", "granted") in [(one["kind"], one["outcome"]) for one in events]


def test_the_account_s_own_address_is_confirmed_however_old_the_sign_in(ada: Person) -> None:
    make_sign_in_older(ada, minutes=11)
    issued = ada.client.post("/api/auth/user/email/send-code")
    assert issued.status_code == 202
    assert issued.json().keys() == {"ticket", "expires_in", "resend_after"}
    answer = verify(ada, issued.json()["ticket"], code_mailed_to(ada, ada.email))
    assert (answer.status_code, answer.json()["email_verified"]) == (200, True)
    assert status(ada, ada.session) == 200


@pytest.mark.parametrize("change", [False, True])
def test_the_mailed_link_does_what_its_code_does_also_when_no_guess_is_left(
    ada: Person, change: bool
) -> None:
    where = f"next.{ada.email}" if change else ada.email
    for _ in range(2):
        ticket = send_code(ada, where if change else None).json()["ticket"]
        answers = [verify(ada, ticket, "0000-0000") for _ in range(4)]
        assert {answer.json()["code"] for answer in answers} == {"invalid_code"}
    token = token_mailed_to(ada, where, "address")

    def follow(token: str, **more: str) -> httpx2.Response:
        return post(ada.client, "user/email/verify", ticket=ticket, token=token, **more)

    assert follow("A" * 22).json()["code"] == "invalid_mailed_token"
    assert follow(token[:-1]).json()["code"] == "invalid_mailed_token"
    assert follow("").json()["code"] == "invalid_mailed_token"
    assert follow(token, code="0000-0000").status_code == 422
    done = follow(token)
    assert (done.status_code, done.json()["email"]) == (200, where)
    assert done.json()["email_verified"] is True
    again = follow(token)
    assert (again.status_code, again.json()["code"]) == (410, "ticket_expired")


def test_the_link_of_a_mail_is_good_for_who_asked_alone(
    ada: Person, new_person: Callable[[], Person]
) -> None:
    bob = new_person().sign_up()
    where = f"next.{ada.email}"
    ticket = send_code(ada, where).json()["ticket"]
    link = {"ticket": ticket, "token": token_mailed_to(ada, where, "address")}
    stolen = post(bob.client, "user/email/verify", **link)
    assert (stolen.status_code, stolen.json()["code"]) == (410, "ticket_expired")
    with ada.server.client() as nobody:
        assert post(nobody, "user/email/verify", **link).status_code == 401
    assert post(ada.client, "user/email/verify", **link).status_code == 200


def test_a_change_needs_a_fresh_sign_in(ada: Person) -> None:
    make_sign_in_older(ada, minutes=11)
    refused = send_code(ada, "next." + ada.email)
    assert (refused.status_code, refused.json()["code"]) == (403, "fresh_sign_in_required")
    assert not mails_to(ada, "next." + ada.email)
    fresh = post(ada.client, "reauthenticate", password=PASSWORD, token_transport="body")
    ada.client.headers["Authorization"] = f"Bearer {fresh.json()['access_token']}"
    assert change_to(ada, "next." + ada.email).status_code == 200


def test_a_taken_address_is_answered_like_a_free_one(
    ada: Person, new_person: Callable[[], Person]
) -> None:
    owner = new_person().sign_up()
    taken, free = send_code(ada, owner.email.upper()), send_code(ada, "free." + ada.email)
    assert taken.status_code == free.status_code == 202
    assert len(taken.content) == len(free.content)
    assert set(taken.headers) == set(free.headers)
    assert taken.json() | {"ticket": ""} == free.json() | {"ticket": ""}
    wrong = [verify(ada, one.json()["ticket"], "0000-0000") for one in (taken, free)]
    assert [one.status_code for one in wrong] == [400, 400]
    first, second = (one.json() | {"request_id": ""} for one in wrong)
    assert first == second
    assert "wants to use your address" in owner.mails()[0]["subject"]
    assert status(owner, owner.session) == 200


def test_five_wrong_codes_end_the_ticket(ada: Person) -> None:
    new = "next." + ada.email
    ticket = send_code(ada, new).json()["ticket"]
    code = code_mailed_to(ada, new)
    for guess in ("0000-0000", "not a code", "ZZZZ-ZZZZ", "", "1111-1111"):
        answer = verify(ada, ticket, guess)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
    answer = verify(ada, ticket, code)
    assert (answer.status_code, answer.json()["code"]) == (410, "ticket_expired")
    assert ada.client.get("/api/auth/user").json()["email"] == ada.email


@pytest.mark.parametrize(
    "email",
    [
        *(
            "",
            "ada",
            "@x.org",
            "a@b@c.org",
            "ada@localhost",
            "a" * 400 + "@x.org",
            "a" * 65 + "@x.org",
        ),
        *(
            "ada\r\nBcc: eve@x.org",
            "a\x00da@x.org",
            "a da@x.org",
            "ada@x.org\x7f",
            "a\u200bda@x.org",
        ),
        *("ada@x..org", "ada@-x.org", "ada@x.org, eve@x.org", "Ada <ada@x.org>", ".ada@x.org"),
    ],
)
def test_what_is_no_address_is_refused(ada: Person, email: str) -> None:
    answer = post(ada.client, "user/email/send-code", email=email)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["email"]


def test_the_former_address_takes_the_account_back(ada: Person) -> None:
    new = "thief." + ada.email
    change_to(ada, new)
    thief = ada.session
    token = token_mailed_to(ada, ada.email, "undo")
    with ada.server.client() as owner:
        assert post(owner, "user/email/undo", token=token).status_code == 204
        again = post(owner, "user/email/undo", token=token)
        assert (again.status_code, again.json()["code"]) == (400, "invalid_mailed_token")
    assert status(ada, thief) == 401
    assert [login(ada, email) for email in (ada.email, new)] == [401, 401]
    reset = post(ada.client, "password/forgot", email=ada.email).json()["ticket"]
    code = code_mailed_to(ada, ada.email)
    done = post(ada.client, "password/reset", ticket=reset, code=code, password=NEW)
    assert done.status_code == 204
    assert login(ada, ada.email, NEW) == 200
    assert ada.sign_in_with(NEW).session["user"]["email_verified"] is True
    kinds = [one["kind"] for one in ada.client.get("/api/auth/user/login-events").json()["items"]]
    assert "reported" in kinds


def test_this_was_not_me_also_brings_the_address_back(ada: Person) -> None:
    post(ada.client, "password/change", password=PASSWORD, new_password=NEW)
    token = token_mailed_to(ada, ada.email, "report")
    change_to(ada, "thief." + ada.email)
    assert post(ada.client, "report", token=token).status_code == 204
    assert login(ada, "thief." + ada.email, NEW) == 401
    ticket = post(ada.client, "login/code", email=ada.email).json()["ticket"]
    code = code_mailed_to(ada, ada.email)
    entered = post(
        ada.client, "login/code/verify", ticket=ticket, code=code, token_transport="body"
    )
    assert entered.status_code == 200
    assert entered.json()["user"]["email"] == ada.email
    assert entered.json()["user"]["id"] == ada.session["user"]["id"]


def test_a_mailed_token_undoes_only_what_it_was_mailed_for(ada: Person) -> None:
    change_to(ada, "next." + ada.email)
    undo = token_mailed_to(ada, ada.email, "undo")
    for path in ("report", "unlock"):
        assert post(ada.client, path, token=undo).status_code == 400
    reset = post(ada.client, "password/reset", token=undo, password=NEW)
    assert reset.status_code == 400
    for made_up in ("", "x", "A" * 22, "é" * 22):
        answer = post(ada.client, "user/email/undo", token=made_up)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_mailed_token")
    assert status(ada, ada.session) == 200


def test_somebody_who_is_not_signed_in_can_start_and_finish_nothing(client: httpx2.Client) -> None:
    for path, body in (("send-code", {}), ("verify", {"ticket": "x", "code": "0000-0000"})):
        answer = post(client, f"user/email/{path}", **body)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
