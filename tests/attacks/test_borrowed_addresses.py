"""What somebody can do with an account on an address that is not theirs, or was not for long."""

import itertools
import re
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.mailboxes import code_mailed_to, mails_to, token_mailed_to
from tests.running_server import PASSWORD, Person, RunningServer, eventually

OWNERS = "another fifteen characters"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def immediate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(
        tmp_path_factory.mktemp("borrowed"), CHRONICLE_REGISTRATION="immediate"
    ) as server:
        yield server
        assert "a request failed" not in server.log, server.log
        assert "Traceback" not in server.log, server.log
        assert "a mail was given up" not in server.log, server.log


@pytest.fixture
def somebody(immediate: RunningServer) -> Iterator[Person]:
    person = Person(immediate, f"borrowed-{next(_numbers)}@example.org")
    with person.client:
        yield person


def post(client: httpx2.Client, path: str, **body: object) -> httpx2.Response:
    return client.post(f"/api/auth/{path}", json=body)


def subjects_to(person: Person, newest: str) -> list[str]:
    """The subjects of all mails to somebody, newest first, once the newest has these words."""
    subjects = [mail["subject"] for mail in mails_to(person, person.email)]
    return subjects if subjects and subjects[0].endswith(newest) else []


def register(person: Person) -> httpx2.Response:
    answer = post(
        person.client,
        "register",
        email=person.email,
        password=PASSWORD,
        token_transport="body",
    )
    assert answer.status_code == 201, answer.text
    person.session = answer.json()
    person.client.headers["Authorization"] = f"Bearer {person.session['access_token']}"
    return answer


def sign_in(server: RunningServer, email: str, agent: str, password: str = PASSWORD) -> int:
    body = {"email": email, "password": password, "token_transport": "body"}
    url = f"{server.url}/api/auth/login"
    return httpx2.post(url, json=body, headers={"User-Agent": agent}).status_code


def change_to(person: Person, email: str) -> None:
    issued = post(person.client, "user/email/send-code", email=email)
    code = code_mailed_to(person, email)
    ticket = issued.json()["ticket"]
    done = post(person.client, "user/email/verify", ticket=ticket, code=code)
    assert done.status_code == 200, done.text


def test_a_thief_s_notices_are_void_once_the_address_was_taken_back(
    new_person: Callable[[], Person],
) -> None:
    ada = new_person()
    change_to(ada, "thief." + ada.email)
    assert sign_in(ada.server, "thief." + ada.email, "the thief's") == 200
    notice = token_mailed_to(ada, "thief." + ada.email, "report")
    undo = token_mailed_to(ada, ada.email, "undo")
    with ada.server.client() as owner, ada.server.client() as thief:
        assert post(owner, "user/email/undo", token=undo).status_code == 204
        ticket = post(owner, "password/forgot", email=ada.email).json()["ticket"]
        code = code_mailed_to(ada, ada.email)
        reset = post(owner, "password/reset", ticket=ticket, code=code, password=OWNERS)
        assert reset.status_code == 204
        refused = post(thief, "report", token=notice)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_mailed_token")
        assert sign_in(ada.server, ada.email, "the owner's", OWNERS) == 200
        # What is mailed to the owner from now on works as ever, also after another change.
        own = token_mailed_to(ada, ada.email, "report")
        assert post(owner, "report", token=own).status_code == 204
        assert sign_in(ada.server, ada.email, "the owner's", OWNERS) == 401


def test_nobody_has_notices_of_new_devices_mailed_to_an_address_that_is_not_theirs(
    immediate: RunningServer, somebody: Person
) -> None:
    register(somebody)
    for number in range(3):
        assert sign_in(immediate, somebody.email, f"agent {number}") == 200
    # Mails leave in turn: once a later one is there, so would these be.
    post(somebody.client, "login/code", email=somebody.email)
    codes = re.compile("is your Chronicle code")
    eventually(lambda: len(codes.findall(str(mails_to(somebody, somebody.email)))) >= 2)
    assert "/report#" not in str(mails_to(somebody, somebody.email))


def test_changes_of_its_password_mail_nothing_to_an_address_that_nobody_proved(
    somebody: Person,
) -> None:
    assert register(somebody).status_code == 201
    other = "nine lanterns under the old bridge"
    body = {"password": PASSWORD, "new_password": other}
    assert post(somebody.client, "password/change", **body).status_code == 204
    # The next mail is there, so one before it would be.
    assert post(somebody.client, "user/email/send-code").status_code == 202
    eventually(lambda: len(mails_to(somebody, somebody.email)) >= 2)
    assert "/report#" not in str(mails_to(somebody, somebody.email))


@pytest.mark.parametrize("way", ["codes", "passwords"])
def test_guesses_in_its_sessions_mail_nothing_to_an_address_that_nobody_proved(
    somebody: Person, way: str
) -> None:
    register(somebody)
    if way == "passwords":
        for _ in range(5):
            assert post(somebody.client, "reauthenticate", password=OWNERS).status_code == 401
    else:
        for _ in range(2):
            ticket = post(somebody.client, "user/email/send-code").json()["ticket"]
            for _ in range(5):
                guess = {"ticket": ticket, "code": "0000-0000"}
                assert post(somebody.client, "user/email/verify", **guess).status_code == 400
    assert somebody.client.get("/api/auth/user").status_code == 401, "the session went on"
    # The next mail is there, so one before it would be.
    assert post(somebody.client, "login/code", email=somebody.email).status_code == 202
    subjects = eventually(lambda: subjects_to(somebody, "is your Chronicle code"))
    assert not [subject for subject in subjects if "is your Chronicle code" not in subject]


def test_devices_of_an_unproved_address_have_no_mails_of_their_own(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    limited = {"CHRONICLE_REGISTRATION": "immediate", "CHRONICLE_LIMIT_SCALE": "1"}
    email = "victim@example.org"
    with RunningServer(tmp_path_factory.mktemp("limited"), **limited) as server:
        answers = []
        with server.client() as first:
            body = {"email": email, "password": PASSWORD}
            assert first.post("/api/auth/register", json=body).status_code == 201
            answers += [post(first, "login/code", email=email).status_code for _ in range(4)]
        for _ in range(2):
            with server.client() as another:
                assert another.post("/api/auth/login", json=body).status_code == 200
                answers += [post(another, "login/code", email=email).status_code for _ in range(3)]
    assert answers.count(202) == 5
    assert set(answers) == {202, 429}


def test_an_undo_that_is_refused_costs_no_known_device(
    server: RunningServer, new_person: Callable[[], Person]
) -> None:
    leaver, heir = new_person(), new_person()
    change_to(leaver, "left." + leaver.email)
    change_to(heir, leaver.email)
    undo = token_mailed_to(leaver, leaver.email, "undo")
    with server.client() as browser:
        body = {"email": "left." + leaver.email, "password": PASSWORD}
        answer = browser.post("/api/auth/login", json=body).json()
        browser.headers["Authorization"] = f"Bearer {answer['access_token']}"
        refused = post(heir.client, "user/email/undo", token=undo)
        assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")
        assert "change its address first" in refused.json()["detail"]
        devices = browser.get("/api/auth/devices").json()["items"]
        assert [device["current"] for device in devices] == [True]


def test_an_undo_that_was_refused_works_once_the_address_is_free_again(
    server: RunningServer, new_person: Callable[[], Person]
) -> None:
    ada = new_person()
    her_id = ada.client.get("/api/auth/user").json()["id"]
    change_to(ada, "thief." + ada.email)
    undo = token_mailed_to(ada, ada.email, "undo")
    anew = Person(server, ada.email)
    with anew.client:
        sign_up_anew(anew)
        refused = post(anew.client, "user/email/undo", token=undo)
        assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")
        assert anew.client.get("/api/auth/user").json()["email"] == ada.email
        change_to(anew, "later." + ada.email)
        assert post(anew.client, "user/email/undo", token=undo).status_code == 204
        # Neither account is lost: the new one keeps its later address.
        assert anew.client.get("/api/auth/user").json()["email"] == "later." + ada.email
    assert ada.client.get("/api/auth/user").status_code == 401
    assert code_sign_in(server, ada) == her_id


def code_after(ask: Callable[[], httpx2.Response], person: Person) -> dict[str, object]:
    """Ticket and code, once the mail that is asked for is there."""
    before = len(mails_to(person, person.email))
    ticket = ask().json()["ticket"]
    eventually(lambda: len(mails_to(person, person.email)) > before)
    return {"ticket": ticket, "code": code_mailed_to(person, person.email)}


def sign_up_anew(person: Person) -> None:
    ways = {"email": person.email, "password": PASSWORD}
    proof = code_after(lambda: post(person.client, "register", **ways), person)
    answer = post(person.client, "register/verify", **proof, token_transport="body")
    assert answer.status_code == 201, answer.text
    person.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def code_sign_in(server: RunningServer, person: Person) -> str:
    """Whose account a mailed code leads to now."""
    with server.client() as browser:
        proof = code_after(lambda: post(browser, "login/code", email=person.email), person)
        answer = post(browser, "login/code/verify", **proof)
        assert answer.status_code == 200, answer.text
        user_id: str = answer.json()["user"]["id"]
        return user_id


def lock_out(client: httpx2.Client, email: str) -> None:
    for _ in range(5):
        assert post(client, "login", email=email, password="not the password").status_code == 401
    assert post(client, "login", email=email, password=PASSWORD).status_code == 429


def test_a_link_that_ends_a_pause_ends_none_of_an_address_that_it_was_not_mailed_to(
    server: RunningServer, new_person: Callable[[], Person]
) -> None:
    ada = new_person()
    moved = "moved." + ada.email
    with server.client() as stranger:
        lock_out(stranger, ada.email)
        link = token_mailed_to(ada, ada.email, "unlock")
        change_to(ada, moved)
        lock_out(stranger, moved)
        refused = post(stranger, "unlock", token=link)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_mailed_token")
        assert post(stranger, "login", email=moved, password=PASSWORD).status_code == 429
        own = token_mailed_to(ada, moved, "unlock")
        assert post(stranger, "unlock", token=own).status_code == 204
        assert post(stranger, "login", email=moved, password=PASSWORD).status_code == 200


def test_a_link_that_ends_a_pause_works_where_the_address_came_back(
    server: RunningServer, new_person: Callable[[], Person]
) -> None:
    ada = new_person()
    with server.client() as stranger:
        lock_out(stranger, ada.email)
        link = token_mailed_to(ada, ada.email, "unlock")
        change_to(ada, "moved." + ada.email)
        change_to(ada, ada.email)
        assert post(stranger, "unlock", token=link).status_code == 204
        assert post(stranger, "login", email=ada.email, password=PASSWORD).status_code == 200


def test_a_link_that_ends_a_pause_says_so_where_the_account_lost_its_address(
    immediate: RunningServer, somebody: Person
) -> None:
    register(somebody)
    wanted = f"paused-{somebody.email}"
    squatter = Person(immediate, wanted)
    with squatter.client, immediate.client() as stranger:
        register(squatter)
        lock_out(stranger, wanted)
        link = token_mailed_to(somebody, wanted, "unlock")
        change_to(somebody, wanted)
        refused = post(stranger, "unlock", token=link)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_mailed_token")
        assert post(stranger, "login", email=wanted, password=PASSWORD).status_code == 429
