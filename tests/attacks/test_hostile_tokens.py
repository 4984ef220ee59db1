"""Access tokens that are none, in ways that break readers of JSON, base64 and headers."""

import base64

import pytest

from tests.attacks.raw_http import RawConnection, exchange, request
from tests.running_server import Person, RunningServer


def segment(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


@pytest.mark.parametrize(
    "token",
    [
        segment(b"[" * 2900) + b".a.b",
        segment(b'{"alg":' * 400) + b".a.b",
        segment(b'{"alg":"EdDSA","kid":' + b"[" * 2000) + b".a.b",
        segment(b'{"alg":"EdDSA","alg":"none"}') + b".a.b",
        segment(b'{"kid":1e999}') + b".a.b",
        segment(b'{"kid":"\xff"}') + b".a.b",
        segment(b'{"kid":"\\ud800"}') + b".a.b",
        segment(b"null") + b"..",
        segment(b"{}") + b"." * 1000,
        b"." * 3000,
        b"=" * 3000,
        b"\xff" * 100,
        b"x" * 20_000,
        b"a.b.c d",
        b"\t",
        b"",
    ],
    ids=lambda token: repr(token[:20]),
)
def test_what_is_no_token_signs_nobody_in(server: RunningServer, token: bytes) -> None:
    for method, path in (("GET", "/api/auth/user"), ("POST", "/api/auth/logout")):
        headers = [("Authorization", b"Bearer " + token)]
        answer = exchange(server.port, request(method, path, headers))
        assert (answer.status, answer.code) == (401, "invalid_token"), path


def test_two_tokens_are_none(ada: Person) -> None:
    header = ("Authorization", f"Bearer {ada.session['access_token']}")
    for headers in ([header, header], [header, ("Authorization", "Bearer x")]):
        answer = exchange(ada.server.port, request("GET", "/api/auth/user", headers))
        assert (answer.status, answer.code) == (401, "invalid_token")


@pytest.mark.parametrize("place", ["?access_token={}", "?token={}"])
def test_a_token_in_the_address_is_not_taken(ada: Person, place: str) -> None:
    target = "/api/auth/user" + place.format(ada.session["access_token"])
    answer = exchange(ada.server.port, request("GET", target))
    assert (answer.status, answer.code) == (401, "invalid_token")


def test_a_body_that_comes_slowly_keeps_no_ended_session_alive(ada: Person) -> None:
    body = b'{"name": "Mallory"}'
    headers = [
        ("Authorization", f"Bearer {ada.session['access_token']}"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Expect", "100-continue"),
    ]
    with RawConnection(ada.server.port) as slow:
        slow.send(request("PATCH", "/api/auth/user", headers))
        assert slow.answer().status == 100
        assert ada.client.post("/api/auth/logout").status_code == 204
        answer = slow.send(body).answer()
    assert (answer.status, answer.code) == (401, "invalid_token")
    assert ada.sign_in().client.get("/api/auth/user").json()["name"] is None
