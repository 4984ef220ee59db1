"""Names and addresses that can be taken for others, over HTTP."""

from collections.abc import Callable

import httpx2
import pytest

from tests.running_server import PASSWORD, Person, RunningServer

MIXED = "Ad\u0430"  # its last letter is Cyrillic


def register(client: httpx2.Client, email: str, **extra: object) -> httpx2.Response:
    body = {"email": email, "password": PASSWORD, **extra}
    return client.post("/api/auth/register", json=body)


def refused_field(answer: httpx2.Response) -> tuple[int, str, list[str]]:
    body = answer.json()
    fields = [one["field"] for one in body.get("errors", [])]
    return answer.status_code, body["code"], fields


@pytest.mark.parametrize("name", [MIXED, "Admin", "Chronicle Support", "r\u043e\u043et"])
def test_a_sign_up_under_a_look_alike_name_is_refused(
    new_person: Callable[[], Person], name: str
) -> None:
    person = new_person()
    answer = register(person.client, person.email, name=name)
    assert refused_field(answer) == (422, "look_alike", ["name"])
    assert person.mails() == []


def test_a_look_alike_name_does_not_replace_the_one_that_was(
    new_person: Callable[[], Person],
) -> None:
    ada = new_person().sign_up(name="Ада")
    for name in (MIXED, "The Administration"):
        answer = ada.client.patch("/api/auth/user", json={"name": name})
        assert refused_field(answer) == (422, "look_alike", ["name"])
    unseen = ada.client.patch("/api/auth/user", json={"name": "Ada\u202e"})
    assert refused_field(unseen) == (422, "invalid_request", ["name"])
    assert ada.client.get("/api/auth/user").json()["name"] == "Ада"


def test_a_name_of_several_scripts_is_kept_as_it_is_given(ada: Person) -> None:
    for name in ("山田 hanako さくら", "김철수 Kim", "Дем'янчук", "سیده\u200cزهرا", "Işıl 🌸"):
        answer = ada.client.patch("/api/auth/user", json={"name": f" {name} "})
        assert (answer.status_code, answer.json()["name"]) == (200, name)
    cleared = ada.client.patch("/api/auth/user", json={"name": None})
    assert (cleared.status_code, cleared.json()["name"]) == (200, None)


@pytest.mark.parametrize(
    "email", ["ad\u0430@example.org", "ada@ex\u0430mple.org", "ada@\u0441\u043e\u0441\u043e.com"]
)
def test_a_sign_up_with_a_look_alike_address_is_refused(client: httpx2.Client, email: str) -> None:
    assert refused_field(register(client, email)) == (422, "look_alike", ["email"])


def test_a_look_alike_is_refused_alike_whether_or_not_its_original_has_an_account(
    ada: Person, client: httpx2.Client
) -> None:
    taken = register(client, ada.email.replace("e", "\u0435"))
    free = register(client, "nobody@example.org".replace("o", "\u043e"))
    assert taken.status_code == 422
    assert {**taken.json(), "request_id": ""} == {**free.json(), "request_id": ""}


def test_an_address_is_not_changed_to_a_look_alike(ada: Person) -> None:
    answer = ada.client.post(
        "/api/auth/user/email/send-code", json={"email": "ad\u0430@example.org"}
    )
    assert refused_field(answer) == (422, "look_alike", ["email"])


def test_addresses_in_one_script_and_ascii_ones_that_look_alike_are_people(
    server: RunningServer, client: httpx2.Client
) -> None:
    for email in ("modern.look@example.org", "modem.look@example.org", "ольга@пример.рф"):
        assert register(client, email).status_code == 202


def test_whoever_signs_in_is_not_asked_how_the_address_looks(client: httpx2.Client) -> None:
    body = {"email": "ad\u0430@example.org", "password": PASSWORD}
    answer = client.post("/api/auth/login", json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
