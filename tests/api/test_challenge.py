"""A server that always demands a challenge: who gets in, who does not, and what it says."""

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from chronicle.api.app import endpoints
from chronicle.api.openapi import describe_api
from tests.attacks.documented import Document
from tests.challenges import header_of, proof, solved
from tests.faults.test_valkey_gone import valkey_of
from tests.running_server import PASSWORD, Person, RunningServer, eventually, undisturbed

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
WRONG = "nobody ever chose these words"
NOBODY = "nobody@example.org"
DEMANDING = {
    "/api/auth/register": {"email": NOBODY, "password": PASSWORD},
    "/api/auth/register/resend": {"ticket": "made up"},
    "/api/auth/login": {"email": NOBODY, "password": WRONG},
    "/api/auth/login/code": {"email": NOBODY},
    "/api/auth/password/forgot": {"email": NOBODY},
}


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("demanding")
    with RunningServer(
        folder,
        CHRONICLE_CHALLENGE="always",
        CHRONICLE_CHALLENGE_DIFFICULTY="50",
        CHRONICLE_TRUSTED_PROXIES="127.0.0.1",
    ) as server:
        yield server
        assert "a request failed" not in server.log, server.log


@pytest.fixture
def client(demanding: RunningServer) -> Iterator[httpx2.Client]:
    with demanding.client() as client:
        yield client


@pytest.fixture(scope="module")
def ada(demanding: RunningServer) -> Iterator[Person]:
    person = Person(demanding, "ada@example.org")
    with person.client as client:
        answer = client.post(
            "/api/auth/register",
            json={"email": person.email, "password": PASSWORD},
            headers=proof(client),
        )
        client.post(
            "/api/auth/register/verify",
            json={"ticket": answer.json()["ticket"], "code": person.newest_code()},
        )
        client.cookies.clear()
        yield person


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize("path", DEMANDING)
def test_without_a_solution_nothing_is_done_and_the_answer_says_where_to_get_one(
    client: httpx2.Client, path: str
) -> None:
    answer = client.post(path, json=DEMANDING[path])
    assert code_of(answer) == (403, "challenge_required")
    assert answer.headers["chronicle-challenge-at"] == "/api/auth/challenge"
    assert "/api/auth/challenge" in answer.json()["detail"]
    # Refused before it was counted, and before its body was looked at.
    assert "ratelimit" not in answer.headers
    assert code_of(client.post(path, content=b"{"))[1] == "challenge_required"


@pytest.mark.parametrize(
    ("path", "status"),
    list(zip(DEMANDING, (202, 410, 401, 202, 202), strict=True)),
)
def test_with_a_solution_each_answers_as_ever(
    client: httpx2.Client, path: str, status: int
) -> None:
    assert client.post(path, json=DEMANDING[path], headers=proof(client)).status_code == status


def test_what_is_not_for_strangers_demands_nothing(ada: Person) -> None:
    demanding = {endpoint.path for endpoint in endpoints() if endpoint.challenge is not None}
    assert demanding == set(DEMANDING)
    with ada.server.client() as client:
        login = {"email": ada.email, "password": PASSWORD, "token_transport": "body"}
        session = client.post("/api/auth/login", json=login, headers=proof(client)).json()
        token = {"refresh_token": session["refresh_token"]}
        assert client.post("/api/auth/refresh", json=token).status_code == 200
        guess = {"ticket": "made up", "code": "7K3M-Q9TD"}
        assert code_of(client.post("/api/auth/login/code/verify", json=guess))[1] != (
            "challenge_required"
        )


def test_a_solution_is_used_by_one_of_32_racing_calls(client: httpx2.Client) -> None:
    path = "/api/auth/login/code"

    def race() -> list[httpx2.Response]:
        headers = proof(client)
        with ThreadPoolExecutor(32) as pool:
            return list(
                pool.map(
                    lambda _: client.post(path, json=DEMANDING[path], headers=headers), range(32)
                )
            )

    answers = undisturbed(race)
    assert sorted(answer.status_code for answer in answers) == [202] + [403] * 31
    refused = {code_of(answer) for answer in answers if answer.status_code == 403}
    assert refused == {(403, "challenge_invalid")}


def test_a_body_that_can_not_be_read_does_not_use_the_solution_up(client: httpx2.Client) -> None:
    headers = proof(client)
    assert client.post("/api/auth/login/code", json={}, headers=headers).status_code == 422
    ok = client.post("/api/auth/login/code", json={"email": NOBODY}, headers=headers)
    assert ok.status_code == 202


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda solution: header_of(solution | {"number": solution["number"] + 1}),
        lambda solution: header_of(solution | {"signature": "0" * 64}),
        lambda _: "",
        lambda _: "A" * 4000,
        lambda _: "e30=",
    ],
    ids=["another number", "another signature", "empty", "too long", "no fields"],
)
def test_what_is_no_solution_is_refused(client: httpx2.Client, spoilt: object) -> None:
    solution = solved(client.get("/api/auth/challenge").json())
    headers = {"Chronicle-Challenge": spoilt(solution)}  # type: ignore[operator]
    answer = client.post("/api/auth/login", json=DEMANDING["/api/auth/login"], headers=headers)
    assert code_of(answer) == (403, "challenge_invalid")
    assert answer.headers["chronicle-challenge-at"] == "/api/auth/challenge"


def test_two_solutions_in_one_call_are_refused(client: httpx2.Client) -> None:
    both = [("Chronicle-Challenge", proof(client)["Chronicle-Challenge"]) for _ in range(2)]
    answer = client.post("/api/auth/login", json=DEMANDING["/api/auth/login"], headers=both)
    assert code_of(answer) == (403, "challenge_invalid")


def test_a_solution_from_elsewhere_is_refused(client: httpx2.Client) -> None:
    headers = proof(client, **{"X-Forwarded-For": "2001:db8:0:1::1"})
    path, body = "/api/auth/login/code", DEMANDING["/api/auth/login/code"]
    elsewhere = client.post(path, json=body, headers={**headers, "X-Forwarded-For": "2001:db8::1"})
    assert code_of(elsewhere) == (403, "challenge_invalid")
    beside = {**headers, "X-Forwarded-For": "2001:db8:0:1:2::2"}
    assert client.post(path, json=body, headers=beside).status_code == 202


def test_a_browser_that_the_account_knows_is_let_in_without_and_nobody_else_with_it(
    ada: Person,
) -> None:
    right = {"email": ada.email, "password": PASSWORD}
    with ada.server.client() as browser:
        signed_in = browser.post("/api/auth/login", json=right, headers=proof(browser))
        assert signed_in.status_code == 200
        assert browser.post("/api/auth/login", json=right).status_code == 200
        wrong = browser.post("/api/auth/login", json=right | {"password": WRONG})
        assert code_of(wrong) == (401, "invalid_credentials")
        for path in ("login/code", "password/forgot"):
            mailed = browser.post(f"/api/auth/{path}", json={"email": ada.email})
            assert mailed.status_code == 202
        foreign = browser.post("/api/auth/login", json=right, headers={"Origin": "null"})
        assert code_of(foreign) == (403, "challenge_required")
        # The device of one account opens no other, and makes no account.
        for path, body in DEMANDING.items():
            assert code_of(browser.post(path, json=body)) == (403, "challenge_required"), path
        again = {"email": ada.email, "password": PASSWORD}
        assert code_of(browser.post("/api/auth/register", json=again))[1] == "challenge_required"
    with ada.server.client() as stranger:
        cookie = {"Cookie": "chronicle_device=" + "A" * 43}
        made_up = stranger.post("/api/auth/login", json=right, headers=cookie)
        assert code_of(made_up) == (403, "challenge_required")


def test_answers_are_the_same_with_and_without_an_account(ada: Person) -> None:
    with ada.server.client() as client:
        for path in ("login", "login/code", "password/forgot"):
            answers = []
            for email in (ada.email, NOBODY):
                body = {"email": email} | ({"password": WRONG} if path == "login" else {})
                answers.append(
                    [
                        code_of(client.post(f"/api/auth/{path}", json=body)),
                        code_of(client.post(f"/api/auth/{path}", json=body, headers=proof(client))),
                    ]
                )
            assert answers[0] == answers[1]


def test_while_valkey_hangs_a_solution_is_refused_and_not_used_up(ada: Person) -> None:
    pid = valkey_of(ada.server)
    assert pid is not None
    with ada.server.client() as client:
        os.kill(pid, signal.SIGSTOP)
        try:
            headers = proof(client)
            body = {"email": ada.email, "password": PASSWORD}
            hung = client.post("/api/auth/login", json=body, headers=headers)
            assert code_of(hung) == (503, "unavailable")
            bare = client.post("/api/auth/login", json=body)
            assert code_of(bare) == (403, "challenge_required")
        finally:
            os.kill(pid, signal.SIGCONT)
        eventually(lambda: client.get("/health/ready").status_code == 200)
        assert client.post("/api/auth/login", json=body, headers=headers).status_code == 200


def test_the_document_tells_of_the_challenge_at_exactly_these_routes() -> None:
    document = httpx2.Response(200, content=describe_api(endpoints(), "http://localhost")).json()
    telling = {
        path
        for (_, path), operation in Document(document).operations.items()
        if any(one["name"] == "Chronicle-Challenge" for one in operation.get("parameters", []))
    }
    assert telling == set(DEMANDING)
    for path in telling:
        refusal = document["paths"][path]["post"]["responses"]["403"]
        assert "`challenge_required`" in refusal["description"]
        assert "`challenge_invalid`" in refusal["description"]
        assert "Chronicle-Challenge-At" in refusal["headers"]


def test_the_python_in_the_page_about_limits_solves_a_challenge(demanding: RunningServer) -> None:
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    assert len(block[1].splitlines()) <= 16
    here = block[1].replace("http://localhost:8000", demanding.url)
    names: dict[str, object] = {}
    exec(compile(here, str(PAGE), "exec"), names)
    assert names["answer"].status == 202  # type: ignore[attr-defined]


def test_under_load_it_is_demanded_from_the_twentieth_failure_on(tmp_path: Path) -> None:
    settings = {
        "CHRONICLE_LIMIT_SCALE": "1",
        "CHRONICLE_CHALLENGE_DIFFICULTY": "50",
        "CHRONICLE_TRUSTED_PROXIES": "127.0.0.1",
    }
    with RunningServer(tmp_path, **settings) as server, server.client() as client:

        def fail(number: int) -> httpx2.Response:
            body = {"email": f"nobody-{number}@example.org", "password": WRONG}
            return client.post(
                "/api/auth/login", json=body, headers={"X-Forwarded-For": f"192.0.2.{number}"}
            )

        answers = [code_of(fail(number))[1] for number in range(1, 31)]
        assert answers == ["invalid_credentials"] * 20 + ["challenge_required"] * 10
        body = {"email": NOBODY, "password": WRONG}
        solution = client.post("/api/auth/login", json=body, headers=proof(client))
        assert code_of(solution) == (401, "invalid_credentials")


def test_mails_that_are_asked_for_count_as_well(tmp_path: Path) -> None:
    settings = {"CHRONICLE_LIMIT_SCALE": "1", "CHRONICLE_TRUSTED_PROXIES": "127.0.0.1"}
    with RunningServer(tmp_path, **settings) as server, server.client() as client:
        answers = [
            client.post(
                "/api/auth/login/code",
                json={"email": f"nobody-{number}@example.org"},
                headers={"X-Forwarded-For": f"192.0.2.{number}"},
            ).status_code
            for number in range(1, 26)
        ]
        assert answers == [202] * 20 + [403] * 5


def test_where_it_is_off_nobody_is_asked(tmp_path: Path) -> None:
    settings = {"CHRONICLE_LIMIT_SCALE": "1", "CHRONICLE_CHALLENGE": "off"}
    with RunningServer(tmp_path, **settings) as server, server.client() as client:
        codes = [
            code_of(client.post("/api/auth/login", json={"email": NOBODY, "password": WRONG}))[1]
            for _ in range(25)
        ]
        assert set(codes) <= {"invalid_credentials", "too_many_attempts"}
        assert client.get("/api/auth/challenge").status_code == 200
