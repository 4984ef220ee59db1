"""Which passwords the running server takes, wherever one is set, and in which words it refuses."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.api.test_passwords import login, post, start_reset
from tests.fakes.breaches import RangeApi, range_api
from tests.running_server import PASSWORD, Person, RunningServer, signed_up

REFUSED = [
    ("", "has 0 characters; take 15 to 256"),
    ("fourteen chars", "has 14 characters; take 15 to 256"),
    ("\U0001f511" * 14, "has 14 characters; take 15 to 256"),
    ("e\u0301" * 14, "has 14 characters; take 15 to 256"),
    (f"{PASSWORD} " * 8, "has 264 characters; take 15 to 256"),
    ("aaaaaaaaaaaaaaa", "it repeats itself"),
    ("Pa$$w0rdPa$$w0rd", "it repeats itself"),
    ("a\0" * 20, "it repeats itself"),
    ("abcdefghijklmno", "it counts, or follows the alphabet"),
    ("1qaz2wsx3edc4rfv", "is easy to guess"),
    ("Password12345678!", "is easy to guess"),
    ("letmeinplease12", "is easy to guess"),
    ("correct horse battery staple", "is a phrase that everybody knows"),
    ("May-The-F0rce-Be-With-You!", "is a phrase that everybody knows"),
    ("Chronicle Chronicle 1", "is made of your name, your address or this site's name"),
    ("http://localhost/1", "is made of your name, your address or this site's name"),
]
TAKEN = [
    "mossy tin harps",
    "tkzq wvmb rnpl dhgs",
    "xK9#mQ2$vL5nR8w",
    "сегодня в саду тихо",
    "昨日の夜に港で七つの灯りを見ました",
    "nul \0 and bell \x07 are characters as well",
    "4@8({[<3691!|70$5+%2" * 12,
    (f"{PASSWORD} " * 8)[:256],
]


def why_refused(answer: httpx2.Response, field: str = "password") -> str:
    """What the answer says about the password, and nothing else is refused."""
    assert answer.status_code == 422, answer.text
    body: dict[str, Any] = answer.json()
    assert body["code"] == "invalid_request"
    (error,) = body["errors"]
    assert error["field"] == field
    words: str = error["message"]
    return words


@pytest.mark.parametrize(("password", "words"), REFUSED)
def test_a_password_is_refused_in_words_wherever_it_is_set(
    ada: Person, new_person: Callable[[], Person], password: str, words: str
) -> None:
    stranger = new_person()
    signing_up = post(stranger.client, "register", email=stranger.email, password=password)
    assert words in why_refused(signing_up)
    assert not stranger.mails()
    changing = post(ada.client, "password/change", password=PASSWORD, new_password=password)
    assert words in why_refused(changing, "new_password")
    sent = start_reset(ada)
    for proof in ({"token": sent["token"]}, {"ticket": sent["ticket"], "code": sent["code"]}):
        assert words in why_refused(post(ada.client, "password/reset", password=password, **proof))
    assert login(ada, PASSWORD) == 200


def test_a_password_that_nobody_would_guess_is_taken_and_then_signs_in(ada: Person) -> None:
    before = PASSWORD
    for password in TAKEN:
        answer = post(ada.client, "password/change", password=before, new_password=password)
        assert answer.status_code == 204, answer.text
        assert (login(ada, before), login(ada, password)) == (401, 200)
        before = password


def test_what_is_known_of_the_owner_is_no_password_for_them(
    new_person: Callable[[], Person],
) -> None:
    grace = new_person()
    grace.email = f"{grace.email.partition('@')[0]}.quolbrandt@vesk-harbour.example.org"
    name = "Zyxwarine Ombelguth"
    grace.sign_up(name=name)
    for password in (grace.email, "quolbrandt-1906!", "ZyxwarineOmbelguth", "vesk harbour 1906"):
        signing_up = post(grace.client, "register", email=grace.email, name=name, password=password)
        assert "is made of your name" in why_refused(signing_up)
        changing = post(grace.client, "password/change", password=PASSWORD, new_password=password)
        assert "is made of your name" in why_refused(changing, "new_password")
    sent = start_reset(grace)
    for proof in ({"token": sent["token"]}, {"ticket": sent["ticket"], "code": sent["code"]}):
        answer = post(grace.client, "password/reset", password="ZyxwarineOmbelguth", **proof)
        assert "is made of your name" in why_refused(answer)
    again = post(grace.client, "password/reset", password="a word of my own", token=sent["token"])
    assert again.status_code == 204
    assert login(grace, "a word of my own") == 200


def test_nobody_learns_a_name_from_how_a_reset_without_its_code_is_refused(
    new_person: Callable[[], Person],
) -> None:
    grace = new_person().sign_up(name="Zyxwarine Ombelguth")
    sent = start_reset(grace)
    by_name = {"password": "ZyxwarineOmbelguth"}
    guess = post(grace.client, "password/reset", ticket=sent["ticket"], code="0000-0000", **by_name)
    assert guess.json()["code"] == "invalid_code"
    made_up = post(grace.client, "password/reset", token="A" * 22, **by_name)
    assert made_up.json()["code"] == "invalid_reset_token"


def test_a_password_from_before_a_rule_still_signs_in(ada: Person) -> None:
    assert login(ada, "correct horse battery staple") == 401
    assert login(ada, "short") == 401
    assert login(ada, "") == 401


@pytest.fixture(scope="module")
def breaches() -> Iterator[RangeApi]:
    with range_api() as api:
        yield api


@pytest.fixture(scope="module")
def careful(
    tmp_path_factory: pytest.TempPathFactory, breaches: RangeApi
) -> Iterator[RunningServer]:
    """A server that looks passwords up, and hashes with bcrypt."""
    settings = {
        "CHRONICLE_BREACH_CHECK": "hibp",
        "CHRONICLE_BREACH_URL": breaches.url,
        "CHRONICLE_PASSWORD_HASH": "bcrypt",
        "CHRONICLE_BCRYPT_COST": "4",
        "CHRONICLE_LOG_LEVEL": "debug",
    }
    with RunningServer(tmp_path_factory.mktemp("careful"), **settings) as server:
        yield server
        assert "a request failed" not in server.log, server.log


def test_a_breached_password_is_refused_and_while_nobody_answers_it_is_taken(
    careful: RunningServer, breaches: RangeApi
) -> None:
    leaked = "a passphrase that was leaked"
    sha1 = hashlib.sha1(leaked.encode()).hexdigest().upper()
    prefix, rest = sha1[:5], sha1[5:].encode()
    with signed_up(careful, "ada@example.org") as ada:
        breaches.body = rest + b":3"
        changing = post(ada.client, "password/change", password=PASSWORD, new_password=leaked)
        assert "data breach" in why_refused(changing, "new_password")
        assert breaches.paths[-1] == f"/range/{prefix}"
        breaches.status = 503
        answer = post(ada.client, "password/change", password=PASSWORD, new_password=leaked)
        assert answer.status_code == 204
        breaches.status = 200
        assert login(ada, leaked) == 200
    assert "not looked up among breached ones" in careful.log
    assert prefix not in careful.log
    assert "Traceback" not in careful.log
