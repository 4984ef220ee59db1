"""A server whose sign-up was immediate and now asks for a code: the unproved keep nothing."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.mailboxes import code_mailed_to, mails_to
from tests.running_server import PASSWORD, Person, RunningServer, eventually

SQUATTED, CONFIRMED = "squatted@example.org", "confirmed@example.org"
OWNERS = "another fifteen characters"


def post(client: httpx2.Client, path: str, **body: object) -> httpx2.Response:
    return client.post(f"/api/auth/{path}", json=body)


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, str]]:
    """The server, and an access token of whoever signed up with somebody else's address."""
    folder = tmp_path_factory.mktemp("switched")
    with RunningServer(folder, CHRONICLE_REGISTRATION="immediate") as before:
        somebody = Person(before, CONFIRMED)
        client = somebody.client
        body = {"password": PASSWORD, "token_transport": "body"}
        squatter = post(client, "register", email=SQUATTED.upper(), name="Eve", **body)
        assert squatter.status_code == 201, squatter.text
        asked = post(client, "register", email=CONFIRMED, **body)
        token = {"Authorization": f"Bearer {asked.json()['access_token']}"}
        code = code_mailed_to(somebody, CONFIRMED)
        ticket = asked.json()["email_verification"]["ticket"]
        proof = {"ticket": ticket, "code": code}
        confirmed = client.post("/api/auth/user/email/verify", json=proof, headers=token)
        assert confirmed.status_code == 200, confirmed.text
        client.close()
    after = RunningServer(folder)
    after.port, after.url = before.port, before.url
    with after as server:
        yield server, squatter.json()["access_token"]
        assert "a request failed" not in server.log, server.log
        assert "Traceback" not in server.log, server.log


def test_whoever_proves_a_squatted_address_gets_an_account_of_their_own(
    switched: tuple[RunningServer, str],
) -> None:
    server, squatters_token = switched
    owner = Person(server, SQUATTED)
    with owner.client, server.client() as squatter:
        squatter.headers["Authorization"] = f"Bearer {squatters_token}"
        squatted = squatter.get("/api/auth/user").json()
        assert squatted["email_verified"] is False
        started = post(owner.client, "register", email=SQUATTED, password=OWNERS)
        assert started.status_code == 202
        ticket = started.json()["ticket"]
        # To ask changes nothing, and neither does a wrong code.
        wrong = post(owner.client, "register/verify", ticket=ticket, code="0000-0000")
        assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_code")
        assert squatter.get("/api/auth/user").json() == squatted
        # Mailed as it was typed now, not as somebody else spelt it before.
        code = code_mailed_to(owner, SQUATTED)
        answer = post(owner.client, "register/verify", ticket=ticket, code=code)
        assert answer.status_code == 201, answer.text
        user = answer.json()["user"]
        assert user["id"] != squatted["id"]
        assert (user["email"], user["email_verified"], user["name"]) == (SQUATTED, True, None)
        assert squatter.get("/api/auth/user").status_code == 401
        for password, status in ((PASSWORD, 401), (OWNERS, 200)):
            tried = post(owner.client, "login", email=SQUATTED, password=password)
            assert tried.status_code == status
        again = post(owner.client, "register/verify", ticket=ticket, code=code)
        assert (again.status_code, again.json()["code"]) == (410, "ticket_expired")


def test_a_confirmed_address_stays_taken(switched: tuple[RunningServer, str]) -> None:
    owner = Person(switched[0], CONFIRMED)
    with owner.client:
        before = len(mails_to(owner, CONFIRMED))
        started = post(owner.client, "register", email=CONFIRMED, password=OWNERS)
        assert started.status_code == 202
        mails = eventually(lambda: mails_to(owner, CONFIRMED)[: -before or None])
        assert [mail["subject"] for mail in mails] == ["You have a Chronicle account already"]
        tried = post(owner.client, "login", email=CONFIRMED, password=PASSWORD)
        assert tried.status_code == 200
