"""What is tried on accounts: other spellings, keys from elsewhere, tokens that should be dead."""

import base64
import json
import socket
import unicodedata
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.mailboxes import code_mailed_to, token_mailed_to
from tests.running_server import (
    PASSWORD,
    Pair,
    Person,
    RunningServer,
    eventually,
    signed_up,
    two_servers,
)

WRONG = "seven lamps over another harbour"
SPELLINGS = ("{}", " {} ", "{upper}", "{title}", "{wide}")


def spelt(email: str) -> list[str]:
    """The same address as people and attackers may write it."""
    wide = email.replace("example", "ex\uff41mple")
    return [
        spelling.format(email, upper=email.upper(), title=email.title(), wide=wide)
        for spelling in SPELLINGS
    ]


def login(server: RunningServer, email: str, password: str) -> httpx2.Response:
    body = {"email": email, "password": password, "token_transport": "body"}
    with server.client() as client:
        return client.post("/api/auth/login", json=body)


def test_all_spellings_of_an_address_are_one_account(
    server: RunningServer, new_person: Callable[[], Person]
) -> None:
    person = new_person()
    answers = [login(server, email, PASSWORD) for email in spelt(person.email)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["user"]["email"] for answer in answers} == {person.email}


@pytest.mark.parametrize("known", [True, False])
def test_all_spellings_of_an_address_have_one_count_of_guesses(
    server: RunningServer, new_person: Callable[[], Person], known: bool
) -> None:
    email = new_person().email if known else "nobody-at-all@example.org"
    statuses = [login(server, one, WRONG).status_code for one in spelt(email)]
    assert statuses == [401] * 5
    assert {login(server, one, PASSWORD).status_code for one in spelt(email)} == {429}


def test_an_address_is_one_account_however_its_letters_are_written(server: RunningServer) -> None:
    with signed_up(server, "ren\u00e9.stra\u00dfe@example.org") as person:
        composed, decomposed = person.email, unicodedata.normalize("NFD", person.email)
        assert composed != decomposed
        for email in (decomposed, composed.upper(), decomposed.title(), composed.casefold()):
            answer = login(server, email, PASSWORD)
            assert answer.status_code == 200, email
            assert answer.json()["user"]["email"] == person.email


def test_dots_and_tags_make_another_address(server: RunningServer) -> None:
    with signed_up(server, "d.o.t+tag@example.org") as person:
        for email in ("dot+tag@example.org", "d.o.t@example.org", "dot@example.org"):
            assert login(server, email, PASSWORD).status_code == 401, email
        assert login(server, person.email, PASSWORD).status_code == 200


def test_mail_goes_to_the_address_that_is_stored_however_it_is_asked_for(
    server: RunningServer,
) -> None:
    with signed_up(server, "Stored.Spelling@example.org") as person:
        for path in ("login/code", "password/forgot", "register"):
            body = {"email": "sTORED.sPELLING@EXAMPLE.ORG"}
            if path == "register":
                body["password"] = PASSWORD
            before = len(person.mails())
            answer = person.client.post(f"/api/auth/{path}", json=body)
            assert answer.status_code == 202
            eventually(lambda before=before: len(person.mails()) == before + 1)
        mails = person.client.get("/api/dev/outbox").json()["items"]
        to = {mail["to"] for mail in mails if mail["to"].casefold() == person.email.casefold()}
        assert to == {person.email}


def test_a_password_is_the_same_however_its_letters_are_composed(
    server: RunningServer, new_person: Callable[[], Person]
) -> None:
    person, composed = new_person(), "gr\u00fcne Sch\u00e4fte \u00fcber dem Moor"
    decomposed = unicodedata.normalize("NFD", composed)
    body = {"password": PASSWORD, "new_password": decomposed}
    assert person.client.post("/api/auth/password/change", json=body).status_code == 204
    for password in (composed, decomposed):
        assert login(server, person.email, password).status_code == 200
    assert login(server, person.email, composed.replace("\u00fc", "u")).status_code == 401


def test_every_character_of_a_long_password_counts(
    server: RunningServer, new_person: Callable[[], Person]
) -> None:
    person, long = new_person(), " ".join(["harbour lamps over quiet water"] * 8)
    body = {"password": PASSWORD, "new_password": long}
    assert len(long) > 200
    assert person.client.post("/api/auth/password/change", json=body).status_code == 204
    assert login(server, person.email, long).status_code == 200
    assert login(server, person.email, long[:-1] + "s").status_code == 401
    assert login(server, person.email, long[:72]).status_code == 401


def test_no_key_is_fetched_that_a_token_names(server: RunningServer, ada: Person) -> None:
    head, claims, signature = ada.session["access_token"].split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys.json"
        for name in ("jku", "x5u", "kid", "jwk"):
            text = json.dumps(header | {name: url}).encode()
            token = f"{base64.urlsafe_b64encode(text).rstrip(b'=').decode()}.{claims}.{signature}"
            answer = httpx2.get(
                f"{server.url}/api/auth/user", headers={"Authorization": f"Bearer {token}"}
            )
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_servers(tmp_path_factory) as pair:
        yield pair


def change_password(person: Person) -> None:
    body = {"password": PASSWORD, "new_password": WRONG}
    assert person.client.post("/api/auth/password/change", json=body).status_code == 204


def sign_out_everywhere(person: Person) -> None:
    assert person.client.post("/api/auth/logout-all").status_code == 204


def report_a_stranger(person: Person) -> None:
    body = {"email": person.email, "password": PASSWORD}
    strange = {"User-Agent": "somebody else's browser"}
    assert person.client.post("/api/auth/login", json=body, headers=strange).status_code == 200
    link = eventually(lambda: [mail for mail in person.mails() if "/report#" in mail["text"]])
    token = link[0]["text"].partition("/report#token=")[2].split()[0].rstrip(".,)")
    assert person.client.post("/api/auth/report", json={"token": token}).status_code == 204


def reset_by_mail(person: Person) -> None:
    asked = person.client.post("/api/auth/password/forgot", json={"email": person.email})
    assert asked.status_code == 202
    body = {"token": token_mailed_to(person, person.email, "reset"), "password": WRONG}
    assert person.client.post("/api/auth/password/reset", json=body).status_code == 204


def change_the_address(person: Person) -> None:
    new = f"next.{person.email}"
    issued = person.client.post("/api/auth/user/email/send-code", json={"email": new})
    body = {"ticket": issued.json()["ticket"], "code": code_mailed_to(person, new)}
    assert person.client.post("/api/auth/user/email/verify", json=body).status_code == 200


def end_the_others_one_by_one(person: Person) -> None:
    for session in person.client.get("/api/auth/sessions").json()["items"]:
        if not session["current"]:
            answer = person.client.delete(f"/api/auth/sessions/{session['id']}")
            assert answer.status_code == 204


def sign_out_elsewhere(person: Person) -> None:
    assert person.client.post("/api/auth/logout-others").status_code == 204


@pytest.mark.parametrize(
    "ended_by",
    [
        change_password,
        sign_out_everywhere,
        sign_out_elsewhere,
        end_the_others_one_by_one,
        report_a_stranger,
        reset_by_mail,
        change_the_address,
    ],
)
def test_the_tokens_of_other_devices_die_at_every_server(
    pair: Pair, ended_by: Callable[[Person], None]
) -> None:
    with signed_up(pair[0], f"{ended_by.__name__}@example.org") as person:
        other = login(pair[1], person.email, PASSWORD).json()
        bearer = {"Authorization": f"Bearer {other['access_token']}"}

        def statuses() -> set[int]:
            found = set()
            for server in pair:
                with server.client(headers=bearer) as client:
                    found.add(client.get("/api/auth/user").status_code)
            return found

        assert statuses() == {200}
        ended_by(person)
        eventually(lambda: statuses() == {401}, within_seconds=5)
        for server in pair:
            body = {"refresh_token": other["refresh_token"]}
            assert httpx2.post(f"{server.url}/api/auth/refresh", json=body).status_code == 401


def test_an_account_whose_password_is_void_is_refused_like_one_that_is_not_there(
    pair: Pair,
) -> None:
    server = pair[0]
    with signed_up(server, "void@example.org") as person:
        report_a_stranger(person)
        void, unknown = (
            [login(server, email, password) for password in [PASSWORD, *[WRONG] * 5]]
            for email in (person.email, "nobody@example.net")
        )
    for one, other in zip(void, unknown, strict=True):
        assert one.headers.keys() == other.headers.keys()
        assert one.json() | {"request_id": ""} == other.json() | {"request_id": ""}
    assert [answer.status_code for answer in void] == [401] * 5 + [429]
