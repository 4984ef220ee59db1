"""The link beside a mailed code: good where its ticket is, once, also when the guesses are gone."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.running_server import PASSWORD, Person, RunningServer, eventually, undisturbed

WRONG_CODE = "0000-0000"


class Visit:
    """Somebody who asked for a mail and has its ticket."""

    def __init__(self, person: Person, ways: str, body: dict[str, Any]) -> None:
        self.person = person
        self.verify = f"/api/auth/{ways}/verify"
        seen = len(person.mails())
        answer = person.client.post(f"/api/auth/{ways}", json=body)
        assert answer.status_code == 202, answer.text
        self.ticket: str = answer.json()["ticket"]
        eventually(lambda: len(person.mails()) > seen)
        text = person.mails()[0]["text"]
        found = re.search(r"/(?:enter|confirm)#token=([\w-]{22})\n", text)
        assert found, text
        self.token = found[1]
        self.code = person.newest_code()

    def hand_in(self, **what: str) -> httpx2.Response:
        body = {"ticket": self.ticket, "token_transport": "body", **what}
        return self.person.client.post(self.verify, json=body)


def signing_in(person: Person) -> Visit:
    return Visit(person, "login/code", {"email": person.email})


def signing_up(person: Person) -> Visit:
    return Visit(person, "register", {"email": person.email, "password": PASSWORD})


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


@pytest.fixture
def eve(new_person: Any) -> Person:
    return new_person()  # type: ignore[no-any-return]


def test_the_link_signs_in_once_and_then_neither_it_nor_the_code(ada: Person) -> None:
    visit = signing_in(ada)
    session = visit.hand_in(token=visit.token)
    assert session.status_code == 200
    assert session.json()["user"]["email"] == ada.email
    assert code_of(visit.hand_in(token=visit.token)) == (410, "ticket_expired")
    assert code_of(visit.hand_in(code=visit.code)) == (410, "ticket_expired")


def test_the_link_makes_the_account_once(eve: Person) -> None:
    visit = signing_up(eve)
    made = visit.hand_in(token=visit.token)
    assert made.status_code == 201
    assert made.json()["user"]["email"] == eve.email
    assert code_of(visit.hand_in(token=visit.token)) == (410, "ticket_expired")
    assert code_of(visit.hand_in(code=visit.code)) == (410, "ticket_expired")


@pytest.mark.parametrize("way", [signing_in, signing_up])
def test_of_32_racing_uses_of_link_and_code_one_gets_in(
    ada: Person, new_person: Any, way: Any
) -> None:
    def race() -> list[httpx2.Response]:
        visit = way(ada if way is signing_in else new_person())
        uses = [{"token": visit.token}] * 30 + [{"code": visit.code}] * 2
        with ThreadPoolExecutor(32) as pool:
            return list(pool.map(lambda use: visit.hand_in(**use), uses))

    statuses = [answer.status_code for answer in undisturbed(race)]
    assert len([status for status in statuses if status in (200, 201)]) == 1
    assert set(statuses) <= {200, 201, 410}


def test_the_link_is_good_only_with_the_ticket_that_it_was_mailed_for(
    ada: Person, eve: Person
) -> None:
    first, second = signing_in(ada), signing_in(ada)
    assert code_of(second.hand_in(token=first.token)) == (400, "invalid_mailed_token")
    assert code_of(first.hand_in(token="A" * 22)) == (400, "invalid_mailed_token")
    assert code_of(first.hand_in(token="ü")) == (400, "invalid_mailed_token")
    other = signing_up(eve)
    assert code_of(first.hand_in(token=other.token)) == (400, "invalid_mailed_token")
    # A ticket of a sign-in finishes no sign-up, and none that was made up finishes anything.
    body = {"ticket": first.ticket, "token": first.token}
    wrong_route = ada.client.post("/api/auth/register/verify", json=body)
    assert code_of(wrong_route) == (410, "ticket_expired")
    nothing = ada.client.post(first.verify, json=body | {"ticket": "made up"})
    assert code_of(nothing) == (410, "ticket_expired")
    # None of this spent anything.
    assert first.hand_in(token=first.token).status_code == 200


def test_the_link_works_when_every_guess_at_the_code_is_used_up(ada: Person) -> None:
    visit = signing_in(ada)
    for _ in range(5):
        assert code_of(visit.hand_in(code=WRONG_CODE)) == (400, "invalid_code")
    for _ in range(2):
        assert code_of(visit.hand_in(code=visit.code)) == (410, "ticket_expired")
    # Strangers, with tickets of their own, use up the guesses of the identifier.
    stranger = signing_in(ada)
    for _ in range(5):
        stranger.hand_in(code=WRONG_CODE)
    fresh = signing_in(ada)
    assert code_of(fresh.hand_in(code=fresh.code)) == (429, "too_many_attempts")
    assert visit.hand_in(token=visit.token).status_code == 200
    # The mailbox has spoken: its guesses begin anew.
    assert fresh.hand_in(code=fresh.code).status_code == 200


def test_a_link_of_before_the_account_moved_on_is_void(ada: Person) -> None:
    visit = signing_in(ada)
    changed = ada.client.post(
        "/api/auth/password/change",
        json={"password": PASSWORD, "new_password": "three kettles sing below the stairs"},
    )
    assert changed.status_code == 204
    assert code_of(visit.hand_in(token=visit.token)) == (410, "ticket_expired")


def test_another_code_leaves_the_link_as_it_is(server: RunningServer, eve: Person) -> None:
    visit = signing_up(eve)
    too_soon = eve.client.post("/api/auth/register/resend", json={"ticket": visit.ticket})
    assert too_soon.status_code == 429
    assert visit.hand_in(token=visit.token).status_code == 201


@pytest.mark.parametrize("way", ["register", "login/code"])
@pytest.mark.parametrize("both", [True, False])
def test_either_a_code_or_a_token_is_sent(client: httpx2.Client, way: str, both: bool) -> None:
    body = {"ticket": "made up"} | ({"code": WRONG_CODE, "token": "A" * 22} if both else {})
    answer = client.post(f"/api/auth/{way}/verify", json=body)
    assert code_of(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "code"


def test_a_ticket_without_an_account_has_no_link_that_works(client: httpx2.Client) -> None:
    answer = client.post("/api/auth/login/code", json={"email": "nobody@example.org"})
    body = {"ticket": answer.json()["ticket"], "token": "A" * 22}
    guessed = client.post("/api/auth/login/code/verify", json=body)
    assert code_of(guessed) == (400, "invalid_mailed_token")
