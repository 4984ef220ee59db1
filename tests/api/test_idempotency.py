from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.running_server import Person

UPLOADS = "/api/web3/uploads"


def send(person: Person, content: bytes, key: str, **query: str) -> httpx2.Response:
    return person.client.post(
        UPLOADS,
        content=content,
        params={"name": "a.txt", "visibility": "public"} | query,
        headers={"Content-Type": "text/plain", "Idempotency-Key": key},
    )


def send_form(person: Person, content: bytes, key: str, **fields: str) -> httpx2.Response:
    return person.client.post(
        UPLOADS,
        data={"visibility": "public"} | fields,
        files={"file": ("a.txt", content, "text/plain")},
        headers={"Idempotency-Key": key},
    )


def listed(person: Person) -> list[str]:
    return [item["id"] for item in person.client.get(UPLOADS).json()["items"]]


@pytest.mark.parametrize("way", [send, send_form])
def test_the_same_upload_again_answers_the_first_event(
    ada: Person, way: Callable[[Person, bytes, str], httpx2.Response]
) -> None:
    first, again = way(ada, b"content", "k1"), way(ada, b"content", "k1")
    assert first.status_code == again.status_code == 201
    assert again.json()["id"] == first.json()["id"]
    assert listed(ada) == [first.json()["id"]]
    assert way(ada, b"content", "k2").json()["id"] != first.json()["id"]


@pytest.mark.parametrize("way", [send, send_form])
def test_racing_repeats_store_one_event(
    ada: Person, way: Callable[[Person, bytes, str], httpx2.Response]
) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: way(ada, b"racing", "k1"), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(listed(ada)) == 1
    (upload_id,) = listed(ada)
    assert ada.client.get(f"{UPLOADS}/{upload_id}/content").content == b"racing"


def test_a_key_used_for_something_else_is_refused_and_nothing_is_stored(ada: Person) -> None:
    first = send(ada, b"content", "k1").json()["id"]
    others = [
        send(ada, b"another", "k1"),
        send(ada, b"longer content", "k1"),
        send(ada, b"content", "k1", name="b.txt"),
        send(ada, b"content", "k1", note="another"),
        send(ada, b"content", "k1", profile="unixfs-v0-2015"),
        send_form(ada, b"another", "k1"),
        send_form(ada, b"content", "k1", note="another"),
    ]
    for answer in others:
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert listed(ada) == [first]


def test_keys_are_each_accounts_own(ada: Person, new_person: Callable[[], Person]) -> None:
    bob = new_person().sign_up()
    assert send(ada, b"content", "k1").json()["id"] != send(bob, b"content", "k1").json()["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9"])
def test_a_key_that_can_not_be_is_refused(ada: Person, key: str) -> None:
    answer = ada.client.post(
        UPLOADS,
        content=b"x",
        params={"name": "a.txt", "visibility": "public"},
        headers={"Idempotency-Key": key.encode("utf-8")},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
