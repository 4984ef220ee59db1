"""What somebody with a stolen session tries, and what happens when much happens at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.mailboxes import code_mailed_to, mails_to, token_mailed_to
from tests.running_server import PASSWORD, Person, RunningServer, insist

AT_ONCE = 32


def post(client: httpx2.Client, path: str, **body: object) -> httpx2.Response:
    return client.post(f"/api/auth/{path}", json=body)


def at_once(person: Person, calls: list[tuple[str, dict[str, Any]]]) -> list[httpx2.Response]:
    """Make all calls as this person, together, each over a connection of its own."""
    headers = {"Authorization": person.client.headers["Authorization"]}
    clients = [person.server.client(headers=headers) for _ in calls]
    try:
        for client in clients:
            client.get("/health/live")
        with ThreadPoolExecutor(len(calls)) as pool:
            pairs = zip(clients, calls, strict=True)
            return list(
                pool.map(
                    lambda pair: insist(lambda: post(pair[0], pair[1][0], **pair[1][1])), pairs
                )
            )
    finally:
        for client in clients:
            client.close()


def codes(answers: list[httpx2.Response]) -> dict[str, int]:
    """How often each status, and code, came."""
    found: dict[str, int] = {}
    for answer in answers:
        body = answer.json() if answer.content else {}
        name = f"{answer.status_code} {body.get('code', '')}".strip()
        found[name] = found.get(name, 0) + 1
    return found


def ticket_for(person: Person, email: str) -> dict[str, str]:
    issued = post(person.client, "user/email/send-code", email=email)
    assert issued.status_code == 202, issued.text
    return {"ticket": issued.json()["ticket"], "code": code_mailed_to(person, email)}


@pytest.fixture
def victim(new_person: Callable[[], Person]) -> Person:
    return new_person()


@pytest.fixture
def owner(victim: Person) -> Iterator[Person]:
    """The same person at a device of their own, while `victim` is the stolen session."""
    person = Person(victim.server, victim.email)
    with person.client:
        yield person.sign_in()


def is_alive(person: Person) -> bool:
    return person.client.get("/api/auth/user").status_code == 200


@pytest.mark.parametrize("way", ["password/change", "reauthenticate"])
def test_a_thief_of_a_session_has_five_guesses_and_then_no_session(
    victim: Person, owner: Person, way: str
) -> None:
    guess: dict[str, Any] = {"password": "a wrong one of many letters"}
    if way == "password/change":
        guess["new_password"] = "another fifteen characters"
    for _ in range(5):
        answer = post(victim.client, way, **guess)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert not is_alive(victim)
    refused = post(victim.client, way, **guess)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert is_alive(owner)
    assert "guessed in your" in mails_to(owner, owner.email)[0]["subject"]
    assert owner.sign_in(), "the thief locked the owner out"
    locked = post(owner.client, "reauthenticate", password=PASSWORD)
    assert (locked.status_code, locked.json()["code"]) == (429, "too_many_attempts")
    assert int(locked.headers["retry-after"]) <= 60


@pytest.mark.parametrize("way", ["reauthenticate", "user/email"])
def test_a_thief_of_a_session_has_ten_guesses_at_codes_and_then_no_session(
    victim: Person, owner: Person, way: str
) -> None:
    start, finish = (
        ("reauthenticate/send-code", "reauthenticate")
        if way == "reauthenticate"
        else ("user/email/send-code", "user/email/verify")
    )
    how = {"method": "code"} if way == "reauthenticate" else {}
    for _ in range(2):
        ticket = post(victim.client, start).json()["ticket"]
        for _ in range(5):
            assert is_alive(victim)
            answer = post(victim.client, finish, ticket=ticket, code="0000-0000", **how)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_code")
    assert not is_alive(victim)
    assert is_alive(owner)
    assert "guessed in your" in mails_to(owner, owner.email)[0]["subject"]
    assert owner.sign_in(), "the thief locked the owner out"


def test_32_guesses_at_once_are_no_more_than_five(victim: Person, owner: Person) -> None:
    guess = ("reauthenticate", {"password": "a wrong one of many letters"})
    found = codes(at_once(victim, [guess] * AT_ONCE))
    assert found.get("401 invalid_credentials") == 5
    # Who comes after the fifth meets the lock, or a session that is over.
    assert found.keys() <= {
        "401 invalid_credentials",
        "401 invalid_token",
        "429 too_many_attempts",
    }
    assert not is_alive(victim)
    assert is_alive(owner)


def test_the_mail_of_the_lock_takes_the_account_back(victim: Person, owner: Person) -> None:
    for _ in range(5):
        post(victim.client, "reauthenticate", password="a wrong one of many letters")
    token = token_mailed_to(owner, owner.email, "report")
    assert post(owner.client, "report", token=token).status_code == 204
    assert not is_alive(owner)


def test_of_32_changes_of_the_address_at_once_one_is_made(victim: Person) -> None:
    emails = [f"race{number}.{victim.email}" for number in range(4)]
    tickets = [ticket_for(victim, email) for email in emails]
    calls = [("user/email/verify", tickets[n % len(tickets)]) for n in range(AT_ONCE)]
    answers = at_once(victim, calls)
    found = codes(answers)
    assert found.pop("200") == 1
    # Twenty codes at once are more guesses than an account has, right as they are.
    assert found.keys() <= {"410 ticket_expired", "401 invalid_token", "429 too_many_attempts"}
    (won,) = (answer for answer in answers if answer.status_code == 200)
    profile = victim.client.get("/api/auth/user")
    assert profile.json() == won.json()
    assert won.json()["email"] in emails
    mails = [mail["subject"] for mail in mails_to(victim, victim.email)]
    assert mails.count("Your Chronicle account has another address now") == 1


def test_of_32_accounts_that_race_to_one_address_one_gets_it(
    new_person: Callable[[], Person],
) -> None:
    racers = [new_person() for _ in range(4)]
    wanted = f"wanted.{racers[0].email}"
    tickets = [ticket_for(racer, wanted) for racer in racers]
    with ThreadPoolExecutor(len(racers)) as pool:
        answers = list(
            pool.map(
                lambda pair: at_once(pair[0], [("user/email/verify", pair[1])] * 8),
                zip(racers, tickets, strict=True),
            )
        )
    found = codes([answer for each in answers for answer in each])
    assert found.pop("200") == 1
    assert found.keys() <= {"409 email_taken", "410 ticket_expired", "401 invalid_token"}
    holders = [racer.client.get("/api/auth/user").json()["email"] for racer in racers]
    assert holders.count(wanted) == 1


def test_a_change_that_races_the_end_of_all_sessions_revives_none(
    victim: Person, owner: Person
) -> None:
    for number in range(4):
        ticket = ticket_for(victim, f"r{number}.{victim.email}")
        verify, end = ("user/email/verify", ticket), ("logout-all", {})
        found = codes(at_once(victim, [verify, end] * (AT_ONCE // 2)))
        assert found.get("200", 0) <= 1
        assert found.get("204", 0) >= 1
        assert found.keys() <= {"200", "204", "410 ticket_expired", "401 invalid_token"}
        assert not is_alive(victim)
        assert not is_alive(owner)
        email = f"r{number}.{victim.email}" if found.get("200") else victim.email
        victim.email = owner.email = email
        victim.sign_in()
        owner.sign_in()


def test_a_code_that_is_entered_32_times_at_once_confirms_once_and_harms_nobody(
    victim: Person,
) -> None:
    issued = post(victim.client, "user/email/send-code").json()
    code = code_mailed_to(victim, victim.email)
    verify = ("user/email/verify", {"ticket": issued["ticket"], "code": code})
    found = codes(at_once(victim, [verify] * AT_ONCE))
    # A ticket answers five times at most; the address is confirmed, however often that is said.
    assert 1 <= found.pop("200") <= 5
    assert found.keys() <= {"410 ticket_expired"}
    assert is_alive(victim)


def test_a_link_that_is_followed_32_times_at_once_undoes_once(victim: Person) -> None:
    former = victim.email
    ticket = ticket_for(victim, f"thief.{former}")
    assert post(victim.client, "user/email/verify", **ticket).status_code == 200
    token = token_mailed_to(victim, former, "undo")
    found = codes(at_once(victim, [("user/email/undo", {"token": token})] * AT_ONCE))
    assert found == {"204": 1, "400 invalid_mailed_token": AT_ONCE - 1}
    assert not is_alive(victim)


def test_an_undo_and_the_thiefs_next_change_at_once_end_with_the_owner(victim: Person) -> None:
    former = victim.email
    first = ticket_for(victim, f"thief.{former}")
    assert post(victim.client, "user/email/verify", **first).status_code == 200
    token = token_mailed_to(victim, former, "undo")
    second = ticket_for(victim, f"thief2.{former}")
    calls = [("user/email/undo", {"token": token}), ("user/email/verify", second)]
    found = codes(at_once(victim, calls * (AT_ONCE // 2)))
    assert found["204"] == 1
    assert not is_alive(victim)
    reset = post(victim.client, "password/forgot", email=former)
    answer = post(
        victim.client,
        "password/reset",
        ticket=reset.json()["ticket"],
        code=code_mailed_to(victim, former),
        password="three kettles sing below the stairs",
    )
    assert answer.status_code == 204, "the account is not at its owner's address"


def test_a_ticket_and_its_code_are_useless_in_another_account(
    victim: Person, new_person: Callable[[], Person]
) -> None:
    email = f"next.{victim.email}"
    ticket = ticket_for(victim, email)
    eve = new_person()
    answer = post(eve.client, "user/email/verify", **ticket)
    assert (answer.status_code, answer.json()["code"]) == (410, "ticket_expired")
    assert eve.client.get("/api/auth/user").json()["email"] == eve.email
    assert post(victim.client, "user/email/verify", **ticket).status_code == 200


def test_a_password_change_voids_a_change_of_address_that_waits(
    victim: Person, owner: Person
) -> None:
    ticket = ticket_for(victim, f"next.{victim.email}")
    new = "three kettles sing below the stairs"
    assert (
        post(owner.client, "password/change", password=PASSWORD, new_password=new).status_code
        == 204
    )
    late = post(victim.client, "user/email/verify", **ticket)
    assert (late.status_code, late.json()["code"]) == (401, "invalid_token")
    inherited = post(owner.client, "user/email/verify", **ticket)
    assert (inherited.status_code, inherited.json()["code"]) == (410, "ticket_expired")


def test_nobody_s_address_stands_in_the_servers_log(server: RunningServer, victim: Person) -> None:
    ticket = ticket_for(victim, f"canary.{victim.email}")
    post(victim.client, "user/email/verify", **ticket)
    assert f"canary.{victim.email}" not in server.log
    assert ticket["code"] not in server.log
