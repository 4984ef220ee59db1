"""What is good once is good once at two servers, however many use it in the same moment."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.mailboxes import code_mailed_to, token_mailed_to
from tests.running_server import (
    PASSWORD,
    Pair,
    Person,
    eventually,
    signed_up,
    two_servers,
    undisturbed,
)

AT_ONCE = 32
NEW = "nine gulls in the rain"
_numbers = itertools.count(1)

Call = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    # So many at once would have to prove work first.
    alike = {"CHRONICLE_CHALLENGE": "off"}
    with two_servers(tmp_path_factory, **alike) as pair:
        yield pair


def post(person: Person, path: str, **body: object) -> httpx2.Response:
    answer = person.client.post(f"/api/auth/{path}", json=body)
    assert answer.is_success, answer.text
    return answer


def racing(pair: Pair, person: Person, call: Call) -> list[httpx2.Response]:
    """The answers to one call, made 32 times at once, every other time at the other server."""
    path, body = call
    headers = {"Authorization": person.client.headers.get("Authorization", "")}
    with (
        pair[0].client(headers=headers) as first,
        pair[1].client(headers=headers) as second,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        return list(
            pool.map(
                lambda client: client.post(f"/api/auth/{path}", json=body),
                (first, second) * (AT_ONCE // 2),
            )
        )


def sign_up_code(person: Person) -> Call:
    email = f"new.{person.email}"
    ticket = post(person, "register", email=email, password=PASSWORD).json()["ticket"]
    return "register/verify", {"ticket": ticket, "code": code_mailed_to(person, email)}


def sign_in_code(person: Person) -> Call:
    mails = len(person.mails())
    ticket = post(person, "login/code", email=person.email).json()["ticket"]
    return "login/code/verify", {"ticket": ticket, "code": next_code(person, mails)}


def sign_up_link(person: Person) -> Call:
    email = f"new.{person.email}"
    ticket = post(person, "register", email=email, password=PASSWORD).json()["ticket"]
    token = token_mailed_to(person, email, "confirm")
    return "register/verify", {"ticket": ticket, "token": token}


def sign_in_link(person: Person) -> Call:
    ticket = post(person, "login/code", email=person.email).json()["ticket"]
    token = token_mailed_to(person, person.email, "enter")
    return "login/code/verify", {"ticket": ticket, "token": token}


def reset_code(person: Person) -> Call:
    mails = len(person.mails())
    ticket = post(person, "password/forgot", email=person.email).json()["ticket"]
    return "password/reset", {"ticket": ticket, "code": next_code(person, mails), "password": NEW}


def reset_link(person: Person) -> Call:
    post(person, "password/forgot", email=person.email)
    token = token_mailed_to(person, person.email, "reset")
    return "password/reset", {"token": token, "password": NEW}


def code_of_a_new_address(person: Person) -> Call:
    email = f"new.{person.email}"
    ticket = post(person, "user/email/send-code", email=email).json()["ticket"]
    return "user/email/verify", {"ticket": ticket, "code": code_mailed_to(person, email)}


def undo_link(person: Person) -> Call:
    path, body = code_of_a_new_address(person)
    post(person, path, **body)
    return "user/email/undo", {"token": token_mailed_to(person, person.email, "undo")}


def report_link(person: Person) -> Call:
    post(person, "password/change", password=PASSWORD, new_password=NEW)
    return "report", {"token": token_mailed_to(person, person.email, "report")}


def code_of_a_fresh_session(person: Person) -> Call:
    mails = len(person.mails())
    ticket = post(person, "reauthenticate/send-code").json()["ticket"]
    code = next_code(person, mails)
    return "reauthenticate", {"method": "code", "ticket": ticket, "code": code}


def next_code(person: Person, mails: int) -> str:
    """The code of the mail that comes after so many."""
    eventually(lambda: len(person.mails()) > mails)
    return code_mailed_to(person, person.email)


@pytest.mark.parametrize(
    "make",
    [
        sign_up_code,
        sign_up_link,
        sign_in_code,
        sign_in_link,
        reset_code,
        reset_link,
        code_of_a_new_address,
        undo_link,
        report_link,
        code_of_a_fresh_session,
    ],
)
def test_of_32_uses_at_two_servers_one_is_granted(
    pair: Pair, make: Callable[[Person], Call]
) -> None:
    def race() -> list[httpx2.Response]:
        with signed_up(pair[0], f"once-{next(_numbers)}@example.org") as person:
            return racing(pair, person, make(person))

    answers = undisturbed(race)
    granted = [answer for answer in answers if answer.is_success]
    assert len(granted) == 1, [answer.status_code for answer in answers]
    # Used, too late, of another epoch, of an ended session, or more guesses than there are.
    assert {answer.status_code for answer in answers} - {granted[0].status_code} <= {
        *(400, 401, 409, 410, 429),
    }


def test_of_32_guesses_at_two_servers_no_ticket_answers_more_than_five(pair: Pair) -> None:
    def race() -> list[httpx2.Response]:
        with signed_up(pair[0], f"guessed-{next(_numbers)}@example.org") as person:
            ticket = post(person, "login/code", email=person.email).json()["ticket"]
            return racing(
                pair, person, ("login/code/verify", {"ticket": ticket, "code": "0000-0000"})
            )

    answers = undisturbed(race)
    assert sorted(answer.status_code for answer in answers) == [400] * 5 + [410] * 27
