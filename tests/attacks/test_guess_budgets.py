"""What guessers try for more guesses: a good sign-in between, another code, a device, a network."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.attacks.test_limits import BEHIND_A_PROXY, SIGN_INS_A_MINUTE, sign_in, somebody
from tests.mailboxes import code_mailed_to
from tests.running_server import PASSWORD, RunningServer, signed_up

REGISTRATIONS_A_MINUTE, REGISTRATIONS_A_DAY = 10, 100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Behind a proxy, so that tests choose their address."""
    with RunningServer(tmp_path_factory.mktemp("guessed"), **BEHIND_A_PROXY) as server:
        yield server
        assert "a request failed" not in server.log, server.log


def test_a_good_sign_in_gives_its_address_no_failure_back(server: RunningServer) -> None:
    own = {"X-Forwarded-For": "192.0.2.10"}
    with signed_up(server, "between@example.org") as ada, server.client(headers=own) as client:
        statuses = []
        for number in range(SIGN_INS_A_MINUTE // 2 + 1):
            statuses.append(sign_in(client, ada.email, PASSWORD).status_code)
            statuses.append(sign_in(client, somebody(number)).status_code)
    assert statuses == [200, 401] * (SIGN_INS_A_MINUTE // 2) + [429] * 2


@pytest.mark.parametrize("known", [True, False])
def test_another_code_brings_no_new_guesses(server: RunningServer, known: bool) -> None:
    name = "known" if known else "unknown"
    asking, guessing = (f"192.0.2.{number}" for number in ((20, 21) if known else (30, 31)))
    with signed_up(server, f"{name}-owner@example.org") as ada, server.client() as client:
        email = ada.email if known else "nobody-here@example.org"
        mails = len(ada.mails())

        def ticket(route: str, spelling: str) -> str:
            answer = client.post(
                f"/api/auth/{route}",
                json={"email": spelling},
                headers={"X-Forwarded-For": asking},
            )
            assert answer.status_code == 202, answer.text
            issued: str = answer.json()["ticket"]
            return issued

        def guess(route: str, ticket: str, code: str = "0000-0000") -> httpx2.Response:
            body = {"ticket": ticket, "code": code}
            if route == "password/reset":
                body["password"] = "nine gulls in the rain"
            headers = {"X-Forwarded-For": guessing}
            return client.post(f"/api/auth/{route}", json=body, headers=headers)

        first, second = ticket("login/code", email), ticket("password/forgot", email.upper())
        answers = [guess("login/code/verify", first) for _ in range(5)]
        answers += [guess("password/reset", second) for _ in range(5)]
        assert {answer.json()["code"] for answer in answers} == {"invalid_code"}
        third = ticket("login/code", f" {email.title()}")
        code = "0000-0000"
        if known:
            code = code_mailed_to(ada, ada.email)
            assert len(ada.mails()) - mails == 3
        refused = guess("login/code/verify", third, code)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
        assert 600 < int(refused.headers["retry-after"]) <= 900


def test_a_known_device_that_guesses_locks_itself_alone(server: RunningServer) -> None:
    elsewhere = {"X-Forwarded-For": "192.0.2.41"}
    with signed_up(server, "clumsy@example.org") as ada, server.client() as browser:
        browser.headers["X-Forwarded-For"] = "192.0.2.40"
        assert sign_in(browser, ada.email, PASSWORD).status_code == 200
        assert [sign_in(browser, ada.email).status_code for _ in range(6)] == [401] * 5 + [429]
        assert sign_in(browser, ada.email, PASSWORD).status_code == 429
        with server.client(headers=elsewhere) as stranger:
            assert sign_in(stranger, ada.email, PASSWORD).status_code == 200


def test_a_device_of_one_account_is_a_stranger_to_every_other(server: RunningServer) -> None:
    with (
        signed_up(server, "locked-out@example.org") as ada,
        signed_up(server, "neighbour@example.org") as eve,
        server.client(headers={"X-Forwarded-For": "192.0.2.50"}) as browser,
    ):
        assert sign_in(browser, eve.email, PASSWORD).status_code == 200
        assert browser.cookies["chronicle_device"]
        assert [sign_in(browser, ada.email).status_code for _ in range(5)] == [401] * 5
        assert sign_in(browser, ada.email, PASSWORD).status_code == 429
        assert sign_in(browser, eve.email, PASSWORD).status_code == 200


def test_turning_through_a_56_or_a_48_of_ipv6_meets_a_wider_budget(server: RunningServer) -> None:
    with server.client() as client:

        def ask(of_56: int, of_64: int) -> httpx2.Response:
            address = f"2001:db8:9:{of_56 << 8 | of_64:x}::1"
            headers = {"X-Forwarded-For": address}
            return client.post("/api/auth/register", json={}, headers=headers)

        def fill(of_56: int, count: int) -> None:
            """So many calls from one /56, each /64 of it within its own budget."""
            statuses = [
                ask(of_56, number // REGISTRATIONS_A_MINUTE).status_code for number in range(count)
            ]
            assert statuses == [422] * count

        fill(0, 3 * REGISTRATIONS_A_DAY)
        refused = ask(0, 255)
        assert refused.status_code == 429
        assert '"net56-86400s";r=0;' in refused.headers["ratelimit"]
        assert int(refused.headers["retry-after"]) > 3600
        for of_56 in (1, 2):
            fill(of_56, 3 * REGISTRATIONS_A_DAY)
        fill(3, REGISTRATIONS_A_DAY)
        refused = ask(4, 0)
        assert refused.status_code == 429
        assert '"net48-86400s";r=0;' in refused.headers["ratelimit"]
        # Filling a /32 would take ten thousand calls; the answer names its budget as well.
        assert '"net32-86400s";q=10000;w=86400' in refused.headers["ratelimit-policy"]
