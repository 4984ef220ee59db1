from collections.abc import Callable

import httpx2
import pytest

from tests.running_server import PASSWORD, Person, RunningServer, eventually

NEW = "another fifteen characters"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def events(person: Person, **query: object) -> list[dict[str, object]]:
    answer = person.client.get("/api/auth/user/login-events", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


def test_the_owner_sees_every_sign_in_good_or_bad(ada: Person) -> None:
    ada.client.headers["User-Agent"] = FIREFOX
    wrong = {"email": ada.email, "password": PASSWORD + "!"}
    ada.client.post("/api/auth/login", json=wrong)
    ada.sign_in()
    granted, refused, signed_up = events(ada)
    assert (granted["outcome"], granted["method"]) == ("granted", "pwd")
    assert granted["session_id"] == ada.session["session_id"]
    assert granted["device"] == "Firefox on Linux"
    assert (granted["risk"], granted["why"]) == ("medium", ["new_device"])
    assert (refused["risk"], refused["why"]) == ("medium", ["unknown_device"])
    assert (signed_up["risk"], signed_up["why"]) == ("low", [])
    assert granted["ip"] in {"127.0.0.1", "::1"}
    assert (refused["outcome"], refused["reason"]) == ("refused", "invalid_credentials")
    assert refused["session_id"] is None
    assert refused["ledger"] is None
    assert signed_up["outcome"] == "granted"


def wrong_code(person: Person, way: str) -> httpx2.Response:
    """A ticket of one kind is asked for, and a wrong code is entered with it."""
    client = person.client
    start, finish, asked, more = {
        "sign-in": ("login/code", "login/code/verify", {"email": person.email}, {}),
        "reset": ("password/forgot", "password/reset", {"email": person.email}, {"password": NEW}),
        "step-up": ("reauthenticate/send-code", "reauthenticate", None, {"method": "code"}),
        "own address": ("user/email/send-code", "user/email/verify", {}, {}),
        "new address": (
            "user/email/send-code",
            "user/email/verify",
            {"email": f"new.{person.email}"},
            {},
        ),
    }[way]
    issued = client.post(f"/api/auth/{start}", json=asked)
    assert issued.status_code == 202, issued.text
    entered = {"ticket": issued.json()["ticket"], "code": "0000-0000"}
    return client.post(f"/api/auth/{finish}", json=entered | more)


@pytest.mark.parametrize(
    ("way", "kind", "method", "why"),
    [
        ("sign-in", "sign_in", "otp", "unknown_device"),
        ("reset", "password_change", "reset", "unknown_device"),
        ("step-up", "sign_in", "otp", "wrong_while_signed_in"),
        ("own address", "email_verified", "otp", "wrong_while_signed_in"),
        ("new address", "email_change", "otp", "wrong_while_signed_in"),
    ],
)
def test_a_wrong_code_stands_in_the_history(
    ada: Person, way: str, kind: str, method: str, why: str
) -> None:
    assert wrong_code(ada, way).json()["code"] == "invalid_code"
    newest, _signed_up = events(ada)
    assert (newest["kind"], newest["method"], newest["outcome"]) == (kind, method, "refused")
    assert newest["reason"] == "invalid_code"
    assert (newest["risk"], newest["why"]) == ("medium", [why])
    assert newest["ledger"] is None


def test_guesses_at_codes_during_a_pause_stand_in_the_history_and_links_of_other_mails_do_not(
    ada: Person,
) -> None:
    path, own = "/api/auth/login/code", {"email": ada.email}
    tickets = [ada.client.post(path, json=own).json()["ticket"] for _ in range(3)]

    def enter(ticket: str, **what: str) -> tuple[int, str]:
        answer = ada.client.post(f"{path}/verify", json={"ticket": ticket, **what})
        return answer.status_code, answer.json()["code"]

    assert enter(tickets[0], token="A" * 22) == (400, "invalid_mailed_token")
    assert len(events(ada)) == 1, "but for the sign-up"
    for ticket in tickets[:2]:
        assert {enter(ticket, code="0000-0000") for _ in range(5)} == {(400, "invalid_code")}
    assert enter(tickets[2], code="0000-0000") == (429, "too_many_attempts")
    newest, before = events(ada)[:2]
    assert (newest["reason"], before["reason"]) == ("too_many_codes", "invalid_code")
    assert newest["why"] == ["unknown_device", "many_wrong_passwords"]
    assert len(events(ada)) == 12


def test_a_known_device_is_none_that_is_strange(ada: Person) -> None:
    path, own = "/api/auth/login/code", {"email": ada.email}
    with ada.server.client() as known:
        known.post("/api/auth/login", json=own | {"password": PASSWORD})
        guess = {"ticket": known.post(path, json=own).json()["ticket"], "code": "0000-0000"}
        assert known.post(f"{path}/verify", json=guess).status_code == 400
    assert (events(ada)[0]["outcome"], events(ada)[0]["why"]) == ("refused", [])


def test_a_refresh_token_that_was_used_twice_stands_in_the_history(ada: Person) -> None:
    first = ada.session

    def refresh(token: str) -> httpx2.Response:
        return ada.client.post("/api/auth/refresh", json={"refresh_token": token})

    second = refresh(first["refresh_token"]).json()
    assert refresh(second["refresh_token"]).status_code == 200
    ada.client.headers["User-Agent"] = FIREFOX
    assert refresh(first["refresh_token"]).status_code == 401
    del ada.client.headers["User-Agent"]
    replayed = events(ada.sign_in())[1]
    assert (replayed["kind"], replayed["outcome"]) == ("session_replayed", "refused")
    assert (replayed["risk"], replayed["why"]) == ("high", ["replayed_token"])
    assert replayed["session_id"] == first["session_id"]
    assert replayed["device"] == "Firefox on Linux"


def test_a_granted_sign_in_gets_its_place_in_the_ledger(ada: Person) -> None:
    def placed() -> object:
        (event,) = events(ada)
        place = event["ledger"]
        assert isinstance(place, dict)
        return place["index"] is not None

    eventually(placed)


def test_history_comes_in_pages(ada: Person) -> None:
    for _ in range(3):
        ada.sign_in()
    first = ada.client.get("/api/auth/user/login-events", params={"limit": 3}).json()
    rest = ada.client.get(
        "/api/auth/user/login-events", params={"limit": 3, "cursor": first["next_cursor"]}
    ).json()
    ids = [event["id"] for event in first["items"] + rest["items"]]
    assert len(ids) == 4
    assert ids == sorted(ids, reverse=True)
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=x", 422),
        ("limit=1.0", 422),
        ("limit=1e1", 422),
        ("limit=-0", 422),
        ("limit=", 422),
        ("cursor=x", 400),
    ],
)
def test_a_page_that_can_not_be_is_refused(ada: Person, query: str, status: int) -> None:
    answer = ada.client.get(f"/api/auth/user/login-events?{query}")
    assert answer.status_code == status


def test_sessions_are_listed_with_the_current_one_marked(ada: Person) -> None:
    first = ada.session["session_id"]
    ada.client.headers["User-Agent"] = FIREFOX
    second = ada.sign_in().session["session_id"]
    items = ada.client.get("/api/auth/sessions").json()["items"]
    assert [(item["id"], item["current"]) for item in items] == [(second, True), (first, False)]
    assert items[0]["device"] == "Firefox on Linux"


def test_sessions_come_in_pages(ada: Person) -> None:
    newest = [ada.session["session_id"]]
    for _ in range(4):
        newest.insert(0, ada.sign_in().session["session_id"])
    found: list[str] = []
    cursor: str | None = None
    while len(found) < 5:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = ada.client.get("/api/auth/sessions", params=query).json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        assert (cursor is None) is (len(found) == 5)
    assert found == newest
    elsewhere = ada.client.get("/api/auth/user/login-events", params={"limit": 1}).json()
    answer = ada.client.get("/api/auth/sessions", params={"cursor": elsewhere["next_cursor"]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")
    overview = ada.client.get("/api/auth/user", params={"include": "sessions"}).json()
    assert overview["sessions"] == ada.client.get("/api/auth/sessions").json()


def test_a_session_is_ended_from_another_device(ada: Person) -> None:
    lost = ada.session
    ada.sign_in()
    path = f"/api/auth/sessions/{lost['session_id']}"
    assert ada.client.delete(path).status_code == 204
    assert ada.client.delete(path).status_code == 404
    answer = httpx2.get(
        f"{ada.server.url}/api/auth/user",
        headers={"Authorization": f"Bearer {lost['access_token']}"},
    )
    assert answer.status_code == 401
    assert len(ada.client.get("/api/auth/sessions").json()["items"]) == 1


def test_nobody_ends_or_sees_the_sessions_of_another(
    ada: Person, new_person: Callable[[], Person]
) -> None:
    eve = new_person().sign_up()
    path = f"/api/auth/sessions/{ada.session['session_id']}"
    stolen = eve.client.delete(path)
    missing = eve.client.delete("/api/auth/sessions/018f0000-0000-7000-8000-000000000000")
    assert stolen.status_code == missing.status_code == 404
    assert stolen.json()["code"] == missing.json()["code"]
    assert ada.client.get("/api/auth/user").status_code == 200
    assert len(eve.client.get("/api/auth/sessions").json()["items"]) == 1


def test_an_address_that_a_stranger_claims_is_not_believed(
    server: RunningServer, ada: Person
) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP"):
        ada.client.headers[name] = "203.0.113.9"
    ada.sign_in()
    assert events(ada)[0]["ip"] in {"127.0.0.1", "::1"}
