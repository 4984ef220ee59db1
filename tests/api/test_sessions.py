import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from tests.running_server import PASSWORD, Person, RunningServer, signed_up


def refresh(client: httpx2.Client, token: str) -> httpx2.Response:
    return client.post("/api/auth/refresh", json={"refresh_token": token})


def profile(client: httpx2.Client, token: str) -> httpx2.Response:
    return client.get("/api/auth/user", headers={"Authorization": f"Bearer {token}"})


def test_a_signed_in_person_reads_and_edits_their_profile(ada: Person) -> None:
    change = {"name": "Ada L.", "locale": "en-GB", "timezone": "Europe/London"}
    edited = ada.client.patch("/api/auth/user", json=change)
    assert edited.status_code == 200
    read = ada.client.get("/api/auth/user").json()
    assert read == edited.json()
    assert {key: read[key] for key in change} == change
    cleared = ada.client.patch("/api/auth/user", json={"locale": None}).json()
    assert (cleared["name"], cleared["locale"]) == ("Ada L.", None)


@pytest.mark.parametrize(
    "change",
    [
        {"locale": "x"},
        {"locale": "en\n"},
        {"timezone": "../x"},
        {"timezone": "UTC\n"},
        {"timezone": "Europe/Atlantis"},
        {"email": "b@b.org"},
    ],
)
def test_a_profile_refuses_what_it_can_not_hold(ada: Person, change: dict[str, str]) -> None:
    answer = ada.client.patch("/api/auth/user", json=change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == list(change)


def test_unknown_and_known_accounts_are_refused_alike(
    ada: Person, new_person: Callable[[], Person]
) -> None:
    wrong = {"email": ada.email, "password": PASSWORD + "!"}
    unknown = {"email": new_person().email, "password": PASSWORD}
    answers = [ada.client.post("/api/auth/login", json=body) for body in (wrong, unknown)]
    assert [answer.status_code for answer in answers] == [401, 401]
    first, second = (answer.json() | {"request_id": ""} for answer in answers)
    assert first == second
    assert first["code"] == "invalid_credentials"
    assert set(answers[0].headers) == set(answers[1].headers)


def test_each_sign_in_is_a_session_of_its_own(ada: Person) -> None:
    before = ada.session["session_id"]
    assert ada.sign_in().session["session_id"] != before


def test_a_refresh_token_rotates(ada: Person) -> None:
    first = ada.session
    second = refresh(ada.client, first["refresh_token"]).json()
    assert second["session_id"] == first["session_id"]
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert profile(ada.client, second["access_token"]).status_code == 200
    third = refresh(ada.client, second["refresh_token"])
    assert third.status_code == 200


def test_racing_clients_get_the_same_successor(ada: Person) -> None:
    token = ada.session["refresh_token"]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: refresh(ada.client, token), range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


def test_a_replayed_token_ends_the_session_and_tells_the_owner(ada: Person) -> None:
    first = ada.session["refresh_token"]
    second = refresh(ada.client, first).json()["refresh_token"]
    third = refresh(ada.client, second).json()
    replay = refresh(ada.client, first)
    assert (replay.status_code, replay.json()["code"]) == (401, "invalid_token")
    assert refresh(ada.client, third["refresh_token"]).status_code == 401
    assert profile(ada.client, third["access_token"]).status_code == 401
    assert "ended" in ada.mails()[0]["subject"]
    replays = [refresh(ada.client, first) for _ in range(3)]
    assert {answer.status_code for answer in replays} == {401}
    assert sum("ended" in mail["subject"] for mail in ada.mails()) == 1


def test_a_made_up_refresh_token_ends_nothing(ada: Person) -> None:
    token = ada.session["refresh_token"]
    raw = base64.urlsafe_b64decode(token + "=")
    forged = [
        raw[:20] + bytes(32) + raw[52:],
        raw[:16] + (7).to_bytes(4, "big") + raw[20:],
        raw[:-1] + bytes([raw[-1] ^ 1]),
        raw + b"x",
        b"",
    ]
    texts = [base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in forged]
    for text in [*texts, token + "=", token[:-1] + chr(ord(token[-1]) ^ 1), "é", "a" * 200]:
        assert refresh(ada.client, text).status_code == 401
    assert refresh(ada.client, token).status_code == 200


def test_an_access_token_dies_with_its_session(ada: Person) -> None:
    session = ada.session
    other = ada.sign_in().session
    assert profile(ada.client, session["access_token"]).status_code == 200
    out = ada.client.post(
        "/api/auth/logout", headers={"Authorization": f"Bearer {session['access_token']}"}
    )
    assert out.status_code == 204
    assert profile(ada.client, session["access_token"]).status_code == 401
    assert refresh(ada.client, session["refresh_token"]).status_code == 401
    assert profile(ada.client, other["access_token"]).status_code == 200
    assert ada.mails()[0]["subject"].endswith("Chronicle code")


def test_a_browser_keeps_its_session_in_a_cookie(server: RunningServer, ada: Person) -> None:
    with server.client() as browser:
        body = {"email": ada.email, "password": PASSWORD}
        answer = browser.post("/api/auth/login", json=body)
        assert "refresh_token" not in answer.json()
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("chronicle_refresh=")
        for attribute in ("HttpOnly", "SameSite=Strict", "Path=/"):
            assert attribute in cookie
        assert "Domain" not in cookie
        renewed = browser.post("/api/auth/refresh", headers={"Origin": server.url})
        assert renewed.status_code == 200
        assert renewed.headers["set-cookie"] != cookie
        assert browser.post("/api/auth/logout").status_code == 204
        assert "chronicle_refresh" not in browser.cookies
        assert browser.post("/api/auth/refresh").status_code == 401


@pytest.mark.parametrize("end", ["logout", "logout-all"])
def test_a_cookie_is_never_taken_away_from_a_session_that_lives_on(
    server: RunningServer, ada: Person, new_person: Callable[[], Person], end: str
) -> None:
    bob = new_person().sign_up()
    bobs = bob.session["refresh_token"]
    cookie = {"Cookie": f"chronicle_refresh={bobs}"}
    answer = ada.client.post(f"/api/auth/{end}", headers=cookie)
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert ada.client.get("/api/auth/user").status_code == 401
    assert refresh(bob.client, bobs).status_code == 401
    assert bob.client.get("/api/auth/user").status_code == 401


def test_a_sign_out_that_is_refused_takes_no_cookie_away(
    server: RunningServer, ada: Person
) -> None:
    cookie = f"chronicle_refresh={ada.session['refresh_token']}"
    headers = {"Cookie": cookie, "Authorization": "Bearer made.up.token"}
    answer = httpx2.post(f"{server.url}/api/auth/logout", headers=headers)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert refresh(ada.client, ada.session["refresh_token"]).status_code == 200


def test_all_other_sessions_end_and_the_callers_goes_on(ada: Person) -> None:
    other = ada.session
    own = ada.sign_in().session
    assert ada.client.post("/api/auth/logout-others").status_code == 204
    assert profile(ada.client, other["access_token"]).status_code == 401
    assert refresh(ada.client, other["refresh_token"]).status_code == 401
    assert profile(ada.client, own["access_token"]).status_code == 200
    assert [item["id"] for item in ada.client.get("/api/auth/sessions").json()["items"]] == [
        own["session_id"]
    ]
    assert refresh(ada.client, own["refresh_token"]).status_code == 200
    assert ada.client.post("/api/auth/logout-others").status_code == 204


OTHER_ORIGINS = ("http://evil.example", "null", "http://localhost")


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_a_page_of_another_origin_can_not_use_the_cookie(
    server: RunningServer, ada: Person, origin: str
) -> None:
    with server.client() as browser:
        body = {"email": ada.email, "password": PASSWORD}
        token = browser.post("/api/auth/login", json=body).json()["access_token"]
        headers = {"Origin": origin, "Authorization": f"Bearer {token}"}
        for path in ("refresh", "logout", "logout-all", "reauthenticate"):
            sent = {"password": PASSWORD} if path == "reauthenticate" else None
            answer = browser.post(f"/api/auth/{path}", json=sent, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
            assert "set-cookie" not in answer.headers
        assert profile(browser, token).status_code == 200
        assert browser.post("/api/auth/refresh").status_code == 200


@pytest.mark.parametrize("origin", OTHER_ORIGINS)
def test_a_page_of_another_origin_can_not_set_the_cookie(
    server: RunningServer, new_person: Callable[[], Person], origin: str
) -> None:
    person = new_person()
    address = {"email": person.email}

    def from_elsewhere_and_here(path: str, **body: str) -> httpx2.Response:
        """The answer to a browser's own page, after one of another origin got nothing with it."""
        with server.client() as browser:
            bearer = {"Authorization": person.client.headers.get("Authorization", "")}
            elsewhere, here = bearer | {"Origin": origin}, bearer | {"Origin": server.url}
            refused = browser.post(f"/api/auth/{path}", json=body, headers=elsewhere)
            assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed")
            assert "body" in refused.json()["detail"]
            assert "set-cookie" not in refused.headers
            answer = browser.post(f"/api/auth/{path}", json=body, headers=here)
            assert answer.is_success, answer.text
            assert "chronicle_refresh" in answer.cookies
            return answer

    def ticket(path: str, **more: str) -> dict[str, str]:
        answer = person.client.post(f"/api/auth/{path}", json=address | more)
        return {"ticket": answer.json()["ticket"], "code": person.newest_code()}

    from_elsewhere_and_here("register/verify", **ticket("register", password=PASSWORD))
    from_elsewhere_and_here("login/code/verify", **ticket("login/code"))
    signed_in = from_elsewhere_and_here("login", **address, password=PASSWORD).json()
    person.client.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
    from_elsewhere_and_here("reauthenticate", password=PASSWORD)
    own = {"password": PASSWORD, "token_transport": "body"}
    answer = person.client.post("/api/auth/login", json=address | own, headers={"Origin": origin})
    assert answer.json()["refresh_token"]
    assert "set-cookie" not in answer.headers


def test_where_two_cookies_stand_logout_ends_the_callers_session_and_neither_of_theirs(
    server: RunningServer, ada: Person, new_person: Callable[[], Person]
) -> None:
    bob, eve = new_person().sign_up(), new_person().sign_up()
    planted = "; ".join(f"chronicle_refresh={one.session['refresh_token']}" for one in (bob, eve))
    headers = {"Cookie": planted, "Authorization": ada.client.headers["Authorization"]}
    answer = httpx2.post(f"{server.url}/api/auth/logout", headers=headers)
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    assert profile(ada.client, ada.session["access_token"]).status_code == 401
    for one in (bob, eve):
        assert profile(one.client, one.session["access_token"]).status_code == 200


def test_a_fresh_session_ends_the_one_whose_cookie_it_takes_the_place_of(
    server: RunningServer, ada: Person, new_person: Callable[[], Person]
) -> None:
    bob = new_person().sign_up()
    headers = {"Cookie": f"chronicle_refresh={bob.session['refresh_token']}"}
    answer = ada.client.post(
        "/api/auth/reauthenticate", json={"password": PASSWORD}, headers=headers
    )
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, True)
    assert profile(bob.client, bob.session["access_token"]).status_code == 401
    assert profile(ada.client, answer.json()["access_token"]).status_code == 200


def test_a_sign_in_ends_the_session_that_the_browser_had_before(
    server: RunningServer, ada: Person, new_person: Callable[[], Person]
) -> None:
    bob = new_person().sign_up()
    with server.client() as browser:
        before = None
        for person in (ada, ada, bob, ada):
            own = {"email": person.email, "password": PASSWORD}
            if before is not None:
                # One that wants its tokens in the body takes no cookie's place.
                elsewhere = browser.post("/api/auth/login", json=own | {"token_transport": "body"})
                assert elsewhere.is_success
                assert profile(browser, before["access_token"]).status_code == 200
            answer = browser.post("/api/auth/login", json=own)
            if before is not None:
                assert profile(browser, before["access_token"]).status_code == 401
            before = answer.json()
            assert profile(browser, before["access_token"]).status_code == 200
        assert browser.post("/api/auth/refresh").status_code == 200


def test_of_two_cookies_neither_ends_a_session_nor_keeps_anybody_out(
    server: RunningServer, ada: Person, new_person: Callable[[], Person]
) -> None:
    bob = new_person().sign_up()
    planted = "; ".join(f"chronicle_refresh={one.session['refresh_token']}" for one in (ada, bob))
    own = {"email": ada.email, "password": PASSWORD}
    answer = httpx2.post(f"{server.url}/api/auth/login", json=own, headers={"Cookie": planted})
    assert answer.status_code == 200
    for one in (ada, bob):
        assert profile(one.client, one.session["access_token"]).status_code == 200


def test_a_cookie_that_stands_twice_is_refused(ada: Person) -> None:
    token = ada.session["refresh_token"]
    planted = f"chronicle_refresh={token}; chronicle_refresh=planted"
    answer = httpx2.post(f"{ada.server.url}/api/auth/refresh", headers={"Cookie": planted})
    assert answer.status_code == 401
    assert refresh(ada.client, token).status_code == 200


def encode(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def forgeries(server: RunningServer, token: str) -> list[str]:
    header_text, claims_text, signature = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(header_text + "=="))
    claims = json.loads(base64.urlsafe_b64decode(claims_text + "=="))
    (jwk,) = httpx2.get(f"{server.url}/.well-known/jwks.json").json()["keys"]
    public = base64.urlsafe_b64decode(jwk["x"] + "==")
    own = OKPKey.generate_key("Ed25519")
    own_public = own.as_dict(private=False)

    def signed_by_us(**extra: object) -> str:
        signed: str = jwt.encode(
            {"alg": "EdDSA", "typ": "at+jwt", "kid": header["kid"]},
            claims | extra,
            own,
            algorithms=["EdDSA"],
        )
        return signed

    def with_header(**extra: object) -> str:
        return f"{encode(header | extra)}.{claims_text}.{signature}"

    confused = f"{encode(header | {'alg': 'HS256'})}.{claims_text}"
    mac = hmac.digest(public, confused.encode(), hashlib.sha256)
    hs256 = f"{confused}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    return [
        f"{encode(header | {'alg': 'none'})}.{claims_text}.",
        with_header(alg="none"),
        with_header(alg="HS256"),
        hs256,
        with_header(kid="0000000000000000"),
        with_header(kid=None),
        with_header(jwk=own_public),
        with_header(jku="http://127.0.0.1:1/jwks.json"),
        with_header(x5u="http://127.0.0.1:1/x5u"),
        with_header(crit=["exp"]),
        with_header(typ="JWT"),
        signed_by_us(),
        signed_by_us(exp=int(time.time()) + 10**6),
        f"{header_text}.{encode(claims | {'sub': claims['sid']})}.{signature}",
        f"{header_text}.{claims_text}.",
        f"{header_text}.{claims_text}",
        f"{header_text}.{claims_text}.{signature[:-4]}{'QAAA' if signature[-4] == 'A' else 'AAAA'}",
        "..",
        "a.b.c",
        "[].e30.x",
        "é",
        "x" * 5000,
    ]


def test_forged_access_tokens_are_refused(server: RunningServer, ada: Person) -> None:
    tokens = [*forgeries(server, ada.session["access_token"]), ada.session["refresh_token"]]
    for token in tokens:
        answer = httpx2.get(
            f"{server.url}/api/auth/user",
            headers={"Authorization": f"Bearer {token}".encode()},
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), token
    for header in ("Basic abc", ada.session["access_token"], "Bearer"):
        answer = httpx2.get(f"{server.url}/api/auth/user", headers={"Authorization": header})
        assert answer.status_code == 401
    assert profile(ada.client, ada.session["access_token"]).status_code == 200


def test_a_listed_session_id_is_no_token(ada: Person) -> None:
    assert refresh(ada.client, ada.session["session_id"]).status_code == 401
    assert profile(ada.client, ada.session["session_id"]).status_code == 401


def test_a_token_for_another_backend_is_short_and_good_for_nothing_here(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("audiences")
    audiences = "https://api.example.org, reports"
    with (
        RunningServer(folder, CHRONICLE_AUDIENCES=audiences) as server,
        signed_up(server, "ada@example.org") as ada,
    ):
        for audience in ("https://api.example.org", "reports"):
            answer = ada.client.post("/api/auth/token", json={"audience": audience})
            assert (answer.status_code, answer.json()["expires_in"]) == (200, 120)
            foreign = answer.json()["access_token"]
            claims = json.loads(base64.urlsafe_b64decode(foreign.split(".")[1] + "=="))
            assert claims["aud"] == audience
            assert claims["exp"] - claims["iat"] == 120
            assert claims["sub"] == ada.session["user"]["id"]
            assert profile(ada.client, foreign).status_code == 401
        other = ada.client.post("/api/auth/token", json={"audience": "elsewhere"})
        assert (other.status_code, other.json()["code"]) == (403, "audience_not_allowed")
