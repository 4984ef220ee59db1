import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.mailboxes import token_mailed_to
from tests.running_server import PASSWORD, Person, undisturbed

NEW = "another fifteen characters"


def post(client: httpx2.Client, path: str, **body: object) -> httpx2.Response:
    return client.post(f"/api/auth/{path}", json=body)


def login(person: Person, password: str) -> int:
    return post(person.client, "login", email=person.email, password=password).status_code


def newest_link_token(person: Person) -> str:
    for mail in person.mails():
        match = re.search(r"#token=([\w-]{22})", mail["text"])
        if match:
            return match[1]
    raise AssertionError("no mail with a link")


def code_in(person: Person) -> str:
    match = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", person.mails()[0]["text"])
    assert match
    return match[0]


def start_reset(person: Person) -> dict[str, str]:
    """A ticket, its code, and the token of the link beside it."""
    issued = post(person.client, "password/forgot", email=person.email)
    assert issued.status_code == 202
    return {
        "ticket": issued.json()["ticket"],
        "code": code_in(person),
        "token": newest_link_token(person),
    }


def profile_status(person: Person, access_token: str) -> int:
    headers = {"Authorization": f"Bearer {access_token}"}
    return person.client.get("/api/auth/user", headers=headers).status_code


def test_a_changed_password_ends_every_other_session_and_tells_the_owner(ada: Person) -> None:
    other = ada.session
    ada.sign_in()
    answer = post(ada.client, "password/change", password=PASSWORD, new_password=NEW)
    assert answer.status_code == 204
    assert profile_status(ada, ada.session["access_token"]) == 200
    assert profile_status(ada, other["access_token"]) == 401
    assert post(ada.client, "refresh", refresh_token=other["refresh_token"]).status_code == 401
    assert (login(ada, PASSWORD), login(ada, NEW)) == (401, 200)
    assert "#token=" in ada.mails()[0]["text"]
    kinds = [
        (event["kind"], event["outcome"])
        for event in ada.client.get("/api/auth/user/login-events").json()["items"]
    ]
    assert ("password_change", "granted") in kinds


def test_the_wrong_password_changes_nothing(ada: Person) -> None:
    answer = post(ada.client, "password/change", password=NEW, new_password=NEW + "2")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    short = post(ada.client, "password/change", password=PASSWORD, new_password="short")
    assert short.status_code == 422
    assert login(ada, PASSWORD) == 200


@pytest.mark.parametrize("way", ["code", "token"])
def test_a_forgotten_password_is_reset_by_code_or_by_link(ada: Person, way: str) -> None:
    sent = start_reset(ada)
    proof = {"token": sent["token"]} if way == "token" else sent | {"token": None}
    answer = post(ada.client, "password/reset", password=NEW, **proof)
    assert answer.status_code == 204
    assert answer.content == b""
    assert "set-cookie" not in answer.headers
    assert profile_status(ada, ada.session["access_token"]) == 401
    assert (login(ada, PASSWORD), login(ada, NEW)) == (401, 200)


def test_a_reset_is_good_once_and_by_one_way_alone(ada: Person) -> None:
    sent: dict[str, str] = {}

    def race() -> list[httpx2.Response]:
        sent.update(start_reset(ada))

        def reset(number: int) -> httpx2.Response:
            new = f"{NEW}{number}"
            return post(ada.client, "password/reset", password=new, token=sent["token"])

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(reset, range(8)))

    answers = undisturbed(race)
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * 7
    by_code = post(
        ada.client, "password/reset", password=NEW, ticket=sent["ticket"], code=sent["code"]
    )
    assert (by_code.status_code, by_code.json()["code"]) == (400, "invalid_reset_token")


def test_the_link_works_when_the_guesses_are_used_up(ada: Person) -> None:
    sent = start_reset(ada)
    for _ in range(5):
        guess = post(
            ada.client, "password/reset", password=NEW, ticket=sent["ticket"], code="0000-0000"
        )
        assert (guess.status_code, guess.json()["code"]) == (400, "invalid_code")
    over = post(
        ada.client, "password/reset", password=NEW, ticket=sent["ticket"], code=sent["code"]
    )
    assert over.status_code == 410
    answer = post(ada.client, "password/reset", password=NEW, token=sent["token"])
    assert answer.status_code == 204


def test_a_password_that_can_not_be_set_spends_neither_code_nor_link(ada: Person) -> None:
    sent = start_reset(ada)
    for proof in ({"token": sent["token"]}, {"ticket": sent["ticket"], "code": sent["code"]}):
        short = post(ada.client, "password/reset", password="short", **proof)
        assert short.status_code == 422
    assert post(ada.client, "password/reset", password=NEW, token=sent["token"]).status_code == 204


@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"ticket": "x"},
        {"code": "0000-0000"},
        {"token": "x", "ticket": "x"},
        {"token": "x", "ticket": "x", "code": "x"},
    ],
)
def test_a_reset_takes_a_link_or_a_ticket_with_its_code(
    client: httpx2.Client, proof: dict[str, str]
) -> None:
    answer = post(client, "password/reset", password=NEW, **proof)
    assert answer.status_code == 422


def test_unknown_addresses_are_answered_alike(
    ada: Person, new_person: Callable[[], Person]
) -> None:
    stranger = new_person()
    for path in ("password/forgot", "login/code"):
        known = post(ada.client, path, email=ada.email)
        unknown = post(ada.client, path, email=stranger.email)
        assert known.status_code == unknown.status_code == 202
        assert set(known.headers) == set(unknown.headers)
        assert known.json() | {"ticket": ""} == unknown.json() | {"ticket": ""}
    assert not stranger.mails()
    verify = {"password/forgot": "password/reset", "login/code": "login/code/verify"}
    for start, finish in verify.items():
        answers = []
        for email in (ada.email, stranger.email):
            ticket = post(ada.client, start, email=email).json()["ticket"]
            extra = {"password": NEW} if "password" in finish else {}
            answers.append(
                [
                    post(ada.client, finish, ticket=ticket, code="0000-0000", **extra).json()[
                        "code"
                    ]
                    for _ in range(6)
                ]
            )
        assert answers[0] == answers[1] == ["invalid_code"] * 5 + ["ticket_expired"]


def test_a_person_signs_in_with_a_mailed_code(ada: Person) -> None:
    def race() -> list[httpx2.Response]:
        ticket = post(ada.client, "login/code", email=ada.email).json()["ticket"]
        body = {"ticket": ticket, "code": code_in(ada), "token_transport": "body"}
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: post(ada.client, "login/code/verify", **body), range(5)))

    answers = undisturbed(race)
    assert sorted(answer.status_code for answer in answers) == [200] + [410] * 4
    granted = next(answer.json() for answer in answers if answer.status_code == 200)
    assert granted["session_id"] != ada.session["session_id"]
    assert profile_status(ada, granted["access_token"]) == 200


def test_a_code_from_before_a_reset_signs_nobody_in(ada: Person) -> None:
    ticket = post(ada.client, "login/code", email=ada.email).json()["ticket"]
    code = code_in(ada)
    sent = start_reset(ada)
    assert post(ada.client, "password/reset", password=NEW, token=sent["token"]).status_code == 204
    late = post(ada.client, "login/code/verify", ticket=ticket, code=code)
    assert (late.status_code, late.json()["code"]) == (410, "ticket_expired")


def test_a_ticket_is_good_for_nothing_but_its_own_step(ada: Person) -> None:
    sent = start_reset(ada)
    for path in ("login/code/verify", "register/verify"):
        answer = post(ada.client, path, ticket=sent["ticket"], code=sent["code"])
        assert (answer.status_code, answer.json()["code"]) == (410, "ticket_expired")


def test_reauthenticating_replaces_the_session(ada: Person) -> None:
    before = ada.session
    wrong = post(ada.client, "reauthenticate", password=NEW)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    assert profile_status(ada, before["access_token"]) == 200
    fresh = post(ada.client, "reauthenticate", password=PASSWORD, token_transport="body")
    assert fresh.status_code == 200
    assert fresh.json()["session_id"] != before["session_id"]
    assert profile_status(ada, before["access_token"]) == 401
    assert profile_status(ada, fresh.json()["access_token"]) == 200


def test_all_sessions_end_at_once(ada: Person) -> None:
    first = ada.session
    second = ada.sign_in().session
    assert post(ada.client, "logout-all").status_code == 204
    for session in (first, second):
        assert profile_status(ada, session["access_token"]) == 401
        answer = post(ada.client, "refresh", refresh_token=session["refresh_token"])
        assert answer.status_code == 401
    assert ada.sign_in()


def test_this_was_not_me_takes_the_account_out_of_a_strangers_hands(ada: Person) -> None:
    post(ada.client, "password/change", password=PASSWORD, new_password=NEW)
    token = newest_link_token(ada)
    stranger = ada.sign_in_with(NEW).session
    assert post(ada.client, "report", token=token).status_code == 204
    assert profile_status(ada, stranger["access_token"]) == 401
    assert (login(ada, PASSWORD), login(ada, NEW)) == (401, 401)
    again = post(ada.client, "report", token=token)
    assert (again.status_code, again.json()["code"]) == (400, "invalid_mailed_token")
    link = token_mailed_to(ada, ada.email, "reset")
    mine = "a third one that only I know"
    assert post(ada.client, "password/reset", password=mine, token=link).status_code == 204
    assert login(ada, mine) == 200


def test_a_mailed_token_is_good_for_its_own_purpose_alone(ada: Person) -> None:
    reset = start_reset(ada)["token"]
    assert post(ada.client, "report", token=reset).status_code == 400
    post(ada.client, "password/change", password=PASSWORD, new_password=NEW)
    report = newest_link_token(ada)
    wrong = post(ada.client, "password/reset", password=PASSWORD, token=report)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_reset_token")
    assert login(ada, NEW) == 200
