"""Known devices: listed, forgotten, and what becomes of them when sessions end."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from tests.running_server import PASSWORD, Person, eventually

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ANOTHER = "another fifteen characters"
MADE_UP = "018f0000-0000-7000-8000-000000000000"


@contextmanager
def browser(person: Person, **headers: str) -> Iterator[httpx2.Client]:
    """A browser of this person's, signed in."""
    with person.server.client(headers=headers) as client:
        body = {"email": person.email, "password": PASSWORD}
        answer = client.post("/api/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def devices(client: httpx2.Client) -> list[dict[str, Any]]:
    answer = client.get("/api/auth/devices")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def mailed_token(person: Person, page: str) -> str:
    def newest() -> str | None:
        found = [re.search(rf"/{page}#token=([\w-]+)", mail["text"]) for mail in person.mails()]
        return next((match[1] for match in found if match), None)

    token = eventually(newest)
    assert token is not None
    return token


def test_a_browser_that_signs_in_is_listed_and_marked_where_it_looks_itself(ada: Person) -> None:
    assert devices(ada.client) == [], "who keeps no cookie is no known device"
    with browser(ada, **{"User-Agent": FIREFOX}) as one, browser(ada) as other:
        newest, first = devices(one)
        assert (first["device"], first["current"]) == ("Firefox on Linux", True)
        assert newest["current"] is False
        assert first["ip"] in {"127.0.0.1", "::1"}
        assert first["place"] is None
        assert first["created_at"] == first["last_used_at"]
        assert [item["current"] for item in devices(other)] == [True, False]
        assert [item["current"] for item in devices(ada.client)] == [False, False]
        assert set(first) == {
            *("id", "device", "ip", "place", "created_at", "last_used_at", "current"),
        }


def test_a_browser_that_signs_in_again_is_the_same_device(ada: Person) -> None:
    with browser(ada) as one:
        before = devices(one)
        body = {"email": ada.email, "password": PASSWORD}
        again = one.post("/api/auth/login", json=body)
        one.headers["Authorization"] = f"Bearer {again.json()['access_token']}"
        (after,) = devices(one)
        assert [after["id"]] == [item["id"] for item in before]
        assert after["last_used_at"] > before[0]["last_used_at"]


def test_a_device_is_forgotten_once_and_its_cookie_goes(ada: Person) -> None:
    with browser(ada) as one, browser(ada) as other:
        newest, first = devices(one)
        assert other.delete(f"/api/auth/devices/{first['id']}").status_code == 204
        assert other.cookies["chronicle_device"], "the other browser's own cookie stays"
        again = other.delete(f"/api/auth/devices/{first['id']}")
        assert (again.status_code, again.json()["code"]) == (404, "not_found")
        assert [item["id"] for item in devices(one)] == [newest["id"]]
        assert [item["current"] for item in devices(one)] == [False]
        assert one.get("/api/auth/user").status_code == 200, "it stays signed in"
        assert other.delete(f"/api/auth/devices/{newest['id']}").status_code == 204
        assert "chronicle_device" not in other.cookies


def test_nobody_sees_or_forgets_the_devices_of_another(
    ada: Person, new_person: Callable[[], Person]
) -> None:
    eve = new_person().sign_up()
    with browser(ada) as one:
        (device,) = devices(one)
        stolen = eve.client.delete(f"/api/auth/devices/{device['id']}")
        missing = eve.client.delete(f"/api/auth/devices/{MADE_UP}")
        assert (stolen.status_code, missing.status_code) == (404, 404)
        assert stolen.json()["detail"] == missing.json()["detail"]
        assert devices(eve.client) == []
        cookie = {"Cookie": f"chronicle_device={one.cookies['chronicle_device']}"}
        assert eve.client.get("/api/auth/devices", headers=cookie).json()["items"] == []
        assert len(devices(one)) == 1
    base = f"{ada.server.url}/api/auth/devices"
    assert httpx2.get(base).status_code == 401
    assert httpx2.delete(f"{base}/{device['id']}").status_code == 401
    assert ada.client.delete("/api/auth/devices/not-an-id").status_code == 404


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost"])
def test_a_page_of_another_origin_is_no_known_device(ada: Person, origin: str) -> None:
    with browser(ada) as one:
        elsewhere = {"Origin": origin}
        listed = one.get("/api/auth/devices", headers=elsewhere).json()["items"]
        assert [item["current"] for item in listed] == [False]
        assert [item["current"] for item in devices(one)] == [True]
        guess = {"email": ada.email, "password": ANOTHER}
        for _ in range(5):
            ada.client.post("/api/auth/login", json=guess)
        right = {"email": ada.email, "password": PASSWORD, "token_transport": "body"}
        assert one.post("/api/auth/login", json=right, headers=elsewhere).status_code == 429
        own = {"Origin": ada.server.url}
        assert one.post("/api/auth/login", json=right, headers=own).status_code == 200


def test_a_device_cookie_that_stands_twice_is_none(ada: Person) -> None:
    with browser(ada) as one:
        cookie = f"chronicle_device={one.cookies['chronicle_device']}"
        for planted in (
            f"{cookie}; chronicle_device=planted",
            f"chronicle_device=planted; {cookie}",
        ):
            headers = {"Authorization": one.headers["Authorization"], "Cookie": planted}
            answer = httpx2.get(f"{ada.server.url}/api/auth/devices", headers=headers)
            assert [item["current"] for item in answer.json()["items"]] == [False]


@pytest.mark.parametrize("end", ["logout-others", "logout-all", "password/change"])
def test_devices_stay_known_when_sessions_end(ada: Person, end: str) -> None:
    with browser(ada) as one:
        (device,) = devices(one)
        change = {"password": PASSWORD, "new_password": ANOTHER}
        body = change if end == "password/change" else None
        assert one.post(f"/api/auth/{end}", json=body).status_code == 204
        ada.sign_in_with(ANOTHER if body else PASSWORD)
        assert [item["id"] for item in devices(ada.client)] == [device["id"]]


def test_a_reset_by_mail_forgets_every_device_but_the_one_that_resets(ada: Person) -> None:
    with browser(ada) as own, browser(ada):
        _others, mine = devices(own)
        own.post("/api/auth/password/forgot", json={"email": ada.email})
        body = {"token": mailed_token(ada, "reset"), "password": ANOTHER}
        assert own.post("/api/auth/password/reset", json=body).status_code == 204
        ada.sign_in_with(ANOTHER)
        assert [item["id"] for item in devices(ada.client)] == [mine["id"]]
        with ada.server.client() as elsewhere:
            issued = elsewhere.post("/api/auth/password/forgot", json={"email": ada.email}).json()
            code = eventually(lambda: mailed_code(ada, body["token"]))
            again = {"ticket": issued["ticket"], "code": code, "password": PASSWORD}
            assert elsewhere.post("/api/auth/password/reset", json=again).status_code == 204
        assert devices(ada.sign_in().client) == []


def mailed_code(person: Person, not_of: str) -> str | None:
    """The code in the newest mail about a new password, once it is another than this token's."""
    newest = next(mail for mail in person.mails() if "new password" in mail["subject"])
    return None if not_of in newest["text"] else newest["subject"].split(maxsplit=1)[0]


def test_a_report_forgets_every_device(ada: Person) -> None:
    change = {"password": PASSWORD, "new_password": ANOTHER}
    with browser(ada) as one:
        assert ada.client.post("/api/auth/password/change", json=change).status_code == 204
        assert one.post("/api/auth/report", json={"token": mailed_token(ada, "report")}).is_success
        one.post("/api/auth/password/forgot", json={"email": ada.email})
        reset = {"token": mailed_token(ada, "reset"), "password": PASSWORD}
        assert one.post("/api/auth/password/reset", json=reset).status_code == 204
        assert devices(ada.sign_in().client) == []
