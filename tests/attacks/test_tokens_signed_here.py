"""Access tokens with a genuine signature that are not for this server, not for now, or too rich.

A forged one is refused for its signature, whatever else is wrong with it. Here the signature is
right, so that each of the other rules stands alone.
"""

import base64
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chronicle.adapters import keys_file
from chronicle.security.encryption import derive
from chronicle.security.keys import Purpose
from tests.running_server import NO_AUTHORITIES, Person, RunningServer

Json = dict[str, Any]
Sign = Callable[[Json, Json], str]

MISSING = "<missing>"
NOWHERE = "http://127.0.0.1:1/keys.json"


def decoded(part: str) -> Json:
    found: Json = json.loads(base64.urlsafe_b64decode(part + "=="))
    return found


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def changed(part: Json, changes: Json) -> Json:
    return {name: value for name, value in (part | changes).items() if value != MISSING}


@pytest.fixture
def sign(ada: Person) -> Sign:
    """Signs the caller's token anew, with what is changed of its header and of its claims."""
    ring = keys_file.load(ada.server.data_dir / "keys.json")
    secret = derive(ring.active(Purpose.TOKEN).secret, "chronicle/token/v1")
    key = Ed25519PrivateKey.from_private_bytes(secret)
    header, claims = map(decoded, ada.session["access_token"].split(".")[:2])

    def signed(header_changes: Json, claim_changes: Json) -> str:
        parts = changed(header, header_changes), changed(claims, claim_changes)
        text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        return f"{text}.{encoded(key.sign(text.encode()))}"

    return signed


def status(server: RunningServer, token: str) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx2.get(f"{server.url}/api/auth/user", headers=headers, verify=NO_AUTHORITIES)
    return answer.status_code, answer.json().get("code")


def test_what_is_signed_anew_and_says_the_same_is_taken(ada: Person, sign: Sign) -> None:
    """Otherwise all of the below would hold of tokens that nobody could have made."""
    assert status(ada.server, sign({}, {})) == (200, None)


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "at+JWT"},
        {"typ": "rt+jwt"},
        {"typ": MISSING},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"alg": MISSING},
        {"kid": MISSING},
        {"kid": "0000000000000000"},
        {"jku": NOWHERE},
        {"x5u": NOWHERE},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}},
        {"x5c": ["AAAA"]},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
    ],
    ids=repr,
)
def test_a_header_that_says_anything_else_is_refused(ada: Person, sign: Sign, header: Json) -> None:
    assert status(ada.server, sign(header, {})) == (401, "invalid_token")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": MISSING},
        {"aud": "https://elsewhere.example"},
        {"aud": ["https://elsewhere.example"]},
        {"aud": MISSING},
        {"exp": MISSING},
        {"exp": "tomorrow"},
        {"exp": None},
        {"nbf": MISSING},
        {"sid": str(uuid.UUID(int=7))},
        {"sid": MISSING},
        {"sid": "x"},
        {"sub": MISSING},
        {"amr": MISSING},
        {"acr": MISSING},
    ],
    ids=repr,
)
def test_claims_of_another_place_or_of_no_session_are_refused(
    ada: Person, sign: Sign, claims: Json
) -> None:
    assert status(ada.server, sign({}, claims)) == (401, "invalid_token")


def test_a_token_is_good_from_its_beginning_to_its_end_and_no_longer(
    ada: Person, sign: Sign
) -> None:
    now = int(time.time())
    for times in (
        {"iat": now - 700, "nbf": now - 700, "exp": now - 100},
        {"exp": now},
        {"exp": -1},
        {"nbf": now + 100},
    ):
        assert status(ada.server, sign({}, times)) == (401, "invalid_token"), times
    assert status(ada.server, sign({}, {"nbf": now - 100, "exp": now + 100})) == (200, None)


def test_tickets_and_refresh_tokens_sign_nobody_in_and_an_access_token_refreshes_nothing(
    ada: Person,
) -> None:
    issued = ada.client.post("/api/auth/login/code", json={"email": ada.email})
    for token in (issued.json()["ticket"], ada.session["refresh_token"]):
        assert status(ada.server, token) == (401, "invalid_token")
    cookie = {"Cookie": f"chronicle_refresh={ada.session['access_token']}"}
    answer = httpx2.post(
        f"{ada.server.url}/api/auth/refresh", headers=cookie, verify=NO_AUTHORITIES
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
