"""The profile with the histories that are asked for."""

from collections.abc import Callable

import pytest

from tests.running_server import Person
from tests.stored import put

USER = "/api/auth/user"


def test_a_profile_brings_along_what_each_list_has(ada: Person) -> None:
    put(ada, b"a file")
    ada.sign_in()
    answer = ada.client.get(USER, params={"include": "login_events,sessions,uploads"})
    assert answer.status_code == 200, answer.text
    gathered = answer.json()
    lists = {
        "login_events": "/api/auth/user/login-events",
        "sessions": "/api/auth/sessions",
        "uploads": "/api/web3/uploads",
    }
    for part, path in lists.items():
        alone = ada.client.get(path).json()
        ids = [item["id"] for item in gathered[part]["items"]]
        assert ids == [item["id"] for item in alone["items"]]
        assert set(gathered[part]) == set(alone)
    assert len(gathered["sessions"]["items"]) == 2
    assert [item["current"] for item in gathered["sessions"]["items"]] == [True, False]
    profile = ada.client.get(USER).json()
    assert {name: gathered[name] for name in profile} == profile
    assert set(gathered) == set(profile) | set(lists)


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ("uploads", "/api/web3/uploads"),
        ("sessions", "/api/auth/sessions"),
        ("login_events", "/api/auth/user/login-events"),
    ],
)
def test_a_part_goes_on_in_its_own_list(ada: Person, part: str, path: str) -> None:
    more = 21 if part == "uploads" else 20  # who signed up has one of the others
    for _ in range(more):
        if part == "uploads":
            put(ada, b"a file")
        else:
            ada.sign_in()
    page = ada.client.get(USER, params={"include": part}).json()[part]
    assert len(page["items"]) == 20
    rest = ada.client.get(path, params={"cursor": page["next_cursor"]}).json()
    assert len(rest["items"]) == 1
    assert rest["next_cursor"] is None


def test_a_part_that_was_not_asked_for_is_left_out(ada: Person) -> None:
    answer = ada.client.get(USER, params={"include": "sessions"}).json()
    assert "uploads" not in answer
    assert "login_events" not in answer
    assert "sessions" not in ada.client.get(USER).json()


@pytest.mark.parametrize(
    "include", ["", "password_hash", "sessions,", "sessions,x", "Sessions", "sessions\n", "*"]
)
def test_a_part_that_there_is_not_is_refused(ada: Person, include: str) -> None:
    answer = ada.client.get(USER, params={"include": include})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "include"


def test_nobody_gathers_what_is_anothers(ada: Person, new_person: Callable[[], Person]) -> None:
    put(ada, b"a file")
    eve = new_person().sign_up()
    gathered = eve.client.get(USER, params={"include": "login_events,sessions,uploads"}).json()
    assert gathered["uploads"]["items"] == []
    assert len(gathered["sessions"]["items"]) == 1
    assert gathered["email"] == eve.email
