"""Floods, guesses and disguises against servers that count as they do for real people."""

import itertools
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest

from tests.attacks.raw_http import exchange, request
from tests.mailboxes import mails_to
from tests.running_server import (
    PASSWORD,
    Pair,
    Person,
    RunningServer,
    eventually,
    insist,
    signed_up,
    two_servers,
    undisturbed,
)

# Without the challenge, which would stop these floods first: what stands behind it must hold alone.
FOR_REAL = {
    "CHRONICLE_LIMIT_SCALE": "1",
    "CHRONICLE_REQUESTS_PER_SECOND": "100000",
    "CHRONICLE_CHALLENGE": "off",
}
BEHIND_A_PROXY = {**FOR_REAL, "CHRONICLE_TRUSTED_PROXIES": "127.0.0.1"}
SIGN_INS_A_MINUTE = 20
GUESSES_A_MINUTE = 30
_members = itertools.count(1)


@pytest.fixture
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("counting"), **FOR_REAL) as server:
        yield server
        assert "a request failed" not in server.log, server.log


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two servers over one folder and one Valkey, behind a proxy: tests choose their address."""
    with two_servers(tmp_path_factory, **BEHIND_A_PROXY) as pair:
        yield pair


@contextmanager
def member(server: RunningServer, email: str) -> Iterator[Person]:
    """Somebody who signed up from an address of their own: one has ten sign-ups a minute."""
    person = Person(server, email)
    with person.client:
        yield person.sign_up(headers={"X-Forwarded-For": f"198.18.250.{next(_members)}"})


def sign_in(
    client: httpx2.Client, email: str, password: str = "wrong", **headers: str
) -> httpx2.Response:
    body = {"email": email, "password": password}
    return client.post("/api/auth/login", json=body, headers=headers)


def somebody(number: int) -> str:
    return f"somebody-{number}@example.org"


def test_a_word_list_gets_its_budget_and_is_told_so_in_every_answer(
    counting: RunningServer,
) -> None:
    with counting.client() as client:
        answers = [sign_in(client, somebody(number)) for number in range(SIGN_INS_A_MINUTE + 5)]
    assert [answer.status_code for answer in answers] == [401] * SIGN_INS_A_MINUTE + [429] * 5
    for number, answer in enumerate(answers):
        left = max(0, SIGN_INS_A_MINUTE - 1 - number)
        assert answer.headers["ratelimit-policy"] == (
            '"address-60s";q=20;w=60, "address-3600s";q=120;w=3600, "address-86400s";q=600;w=86400'
        )
        assert answer.headers["ratelimit"].startswith(f'"address-60s";r={left};t=')
    assert answers[-1].json()["code"] == "too_many_attempts"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert "retry-after" not in answers[0].headers


def test_no_header_that_anybody_can_write_makes_another_address(counting: RunningServer) -> None:
    disguises = [
        {"X-Forwarded-For": "203.0.113.%d"},
        {"X-Forwarded-For": "203.0.113.%d, 127.0.0.1"},
        {"Forwarded": "for=203.0.113.%d"},
        {"X-Real-IP": "203.0.113.%d"},
        {"True-Client-IP": "203.0.113.%d"},
        {"CF-Connecting-IP": "203.0.113.%d"},
        {"X-Client-IP": "203.0.113.%d"},
    ]
    with counting.client() as client:
        answers = [
            sign_in(
                client,
                somebody(number),
                **{name: value % number for name, value in disguises[number % 7].items()},
            )
            for number in range(42)
        ]
    assert Counter(answer.status_code for answer in answers) == {401: SIGN_INS_A_MINUTE, 429: 22}


@pytest.mark.parametrize(
    "path",
    [
        *("//api/auth/login", "/api//auth/login", "/api/auth/login/", "/./api/auth/login"),
        *("/api/auth/./login", "/api/x/../auth/login", "/api%2fauth/login", "/api/auth%2Flogin"),
        *("/api/auth/%6cogin", "/API/auth/login", "/api/auth/Login", "/api/auth/login;x=1"),
        *(
            "/api/auth/login%00",
            "/api/auth/l\u00f6gin",
            "/api/auth/\uff4cogin",
            "/api/auth/login%20",
        ),
    ],
)
def test_no_other_spelling_of_a_path_leads_to_the_route(pair: Pair, path: str) -> None:
    body = b'{"email": "ada@example.org", "password": "wrong"}'
    headers = [("Content-Type", "application/json")]
    raw = request("POST", "/PATH", headers, body).replace(b"/PATH", path.encode())
    answer = exchange(pair[0].port, raw)
    assert answer.status in {400, 404, 405}, answer.body


def test_over_100_bursts_at_two_servers_no_address_gets_more_than_its_budget(
    pair: Pair,
) -> None:
    draw = random.Random(20)
    with (
        pair[0].client() as first,
        pair[1].client() as second,
        ThreadPoolExecutor(16) as pool,
    ):

        def guess(address: str) -> httpx2.Response:
            return draw.choice((first, second)).post(
                "/api/auth/unlock",
                json={"token": "made up"},
                headers={"X-Forwarded-For": address},
            )

        addresses = (f"198.51.{100 + number // 250}.{number % 250}" for number in itertools.count())
        for _ in range(100):
            size = draw.randint(1, 2 * GUESSES_A_MINUTE)
            answers = undisturbed(lambda: list(pool.map(guess, [next(addresses)] * size)))  # noqa: B023
            statuses = Counter(answer.status_code for answer in answers)
            assert statuses.keys() <= {400, 429}
            assert statuses[400] == min(size, GUESSES_A_MINUTE)


def test_an_ipv6_network_is_one_address_at_both_servers(
    pair: Pair,
) -> None:
    with pair[0].client() as first, pair[1].client() as second:
        statuses = Counter(
            sign_in(
                (first, second)[number % 2],
                somebody(number),
                **{"X-Forwarded-For": f"2001:db8:7:7:{number:x}::{number:x}"},
            ).status_code
            for number in range(40)
        )
        assert statuses == {401: SIGN_INS_A_MINUTE, 429: 20}
        mapped = {"X-Forwarded-For": "::ffff:203.0.113.77"}
        plain = {"X-Forwarded-For": "203.0.113.77"}
        spelt = Counter(
            sign_in(first, somebody(number), **(mapped if number % 2 else plain)).status_code
            for number in range(40)
        )
        assert spelt == {401: SIGN_INS_A_MINUTE, 429: 20}


def test_a_thousand_failures_lock_out_strangers_and_not_the_known_device(
    pair: Pair,
) -> None:
    server = pair[0]
    own = {"X-Forwarded-For": "192.0.2.1"}
    with member(server, "victim@example.org") as victim, server.client(headers=own) as browser:
        assert sign_in(browser, victim.email, PASSWORD).status_code == 200
        device = browser.cookies["chronicle_device"]
        browser.cookies.clear()
        browser.cookies.set("chronicle_device", device)
        with server.client() as botnet, ThreadPoolExecutor(16) as pool:

            def attack(number: int) -> int:
                bot = {"X-Forwarded-For": f"100.64.{number // 250}.{number % 250}"}
                return insist(lambda: sign_in(botnet, victim.email, **bot)).status_code

            statuses = Counter(pool.map(attack, range(1000)))
        assert statuses == {401: 5, 429: 995}
        with pair[1].client() as elsewhere:
            stranger = sign_in(elsewhere, victim.email, PASSWORD)
        assert (stranger.status_code, stranger.json()["code"]) == (429, "too_many_attempts")
        assert sign_in(browser, victim.email, PASSWORD).status_code == 200
        assert len([mail for mail in victim.mails() if "/unlock#" in mail["text"]]) == 1


def test_locked_and_locked_unknown_are_answered_alike(
    pair: Pair,
) -> None:
    server = pair[0]
    with member(server, "alike@example.org") as ada, server.client() as client:
        answers = []
        for email, address in ((ada.email, "192.0.2.60"), ("alien@example.org", "192.0.2.61")):
            tried = [sign_in(client, email, **{"X-Forwarded-For": address}) for _ in range(7)]
            assert [answer.status_code for answer in tried] == [401] * 5 + [429] * 2
            answers.append(tried)
        for known, unknown in zip(*answers, strict=True):
            assert known.headers.keys() == unknown.headers.keys()
            same = ("request_id",)
            assert {k: v for k, v in known.json().items() if k not in same} == {
                k: v for k, v in unknown.json().items() if k not in same
            }
            assert len(known.content) == len(unknown.content)


def test_the_mailed_link_lifts_the_lock(pair: Pair) -> None:
    server = pair[0]
    with member(server, "locked@example.org") as ada, server.client() as client:
        for _ in range(5):
            sign_in(client, ada.email)
        assert sign_in(client, ada.email, PASSWORD).status_code == 429
        mail = eventually(lambda: [m for m in ada.mails() if "/unlock#" in m["text"]])[0]
        token = mail["text"].partition("/unlock#token=")[2].split()[0].rstrip(").")
        made_up = client.post("/api/auth/unlock", json={"token": "A" * 22})
        assert (made_up.status_code, made_up.json()["code"]) == (400, "invalid_mailed_token")
        assert client.post("/api/auth/unlock", json={"token": token}).status_code == 204
        assert client.post("/api/auth/unlock", json={"token": token}).status_code == 400
        assert sign_in(client, ada.email, PASSWORD).status_code == 200


def test_of_64_racing_guesses_at_two_servers_five_are_answered_and_one_link_lifts_the_lock_once(
    pair: Pair,
) -> None:
    with (
        member(pair[0], "raced@example.org") as ada,
        pair[0].client() as first,
        pair[1].client() as second,
        ThreadPoolExecutor(64) as pool,
    ):

        def guess(number: int) -> int:
            bot = {"X-Forwarded-For": f"198.18.64.{number}"}
            return sign_in((first, second)[number % 2], ada.email, **bot).status_code

        statuses = Counter(pool.map(guess, range(64)))
        # More at once than may wait for a hash are told so, and give their guess back.
        assert statuses.keys() <= {401, 429, 503}
        answered, number = statuses[401], 64
        while guess(number) == 401:
            answered, number = answered + 1, number + 1
        assert answered == 5
        mail = eventually(lambda: [m for m in ada.mails() if "/unlock#" in m["text"]])[0]
        token = mail["text"].partition("/unlock#token=")[2].split()[0].rstrip(").")

        def unlock(number: int) -> int:
            bot = {"X-Forwarded-For": f"198.18.65.{number}"}
            where = (first, second)[number % 2]
            body = {"token": token}
            answer = insist(lambda: where.post("/api/auth/unlock", json=body, headers=bot))
            return answer.status_code

        assert Counter(pool.map(unlock, range(32))) == {204: 1, 400: 31}


def test_a_lock_survives_a_restart_and_a_flushed_valkey(counting: RunningServer) -> None:
    with counting.client() as client:
        for _ in range(5):
            assert sign_in(client, "ada@example.org").status_code == 401
    counting.stop()
    for file in (counting.data_dir / "valkey" / "appendonlydir").iterdir():
        file.unlink()
    counting.start()
    with counting.client() as client:
        assert sign_in(client, "ada@example.org").status_code == 429
        assert sign_in(client, "bob@example.org").status_code == 401


def test_nobodys_mailbox_is_filled_with_codes(
    pair: Pair,
) -> None:
    with member(pair[0], "mailed@example.org") as ada, pair[0].client() as client:
        before = len(ada.mails())

        def ask(route: str, address: str) -> int:
            return client.post(
                f"/api/auth/{route}",
                json={"email": ada.email.upper()},
                headers={"X-Forwarded-For": address},
            ).status_code

        # One network gets five of a kind, and leaves the rest to others.
        assert [ask("login/code", "198.18.1.1") for _ in range(7)] == [202] * 5 + [429] * 2
        routes = ("login/code", "password/forgot") * 15
        answers = [ask(route, f"198.18.0.{number}") for number, route in enumerate(routes)]
        # Twenty an hour from everywhere; the first was that of the sign-up.
        assert Counter(answers) == {202: 14, 429: 16}
        assert len(ada.mails()) - before == 19


@pytest.mark.parametrize("route", ["login/code", "password/forgot", "register"])
def test_the_budget_of_an_identifier_shows_where_it_refuses_alike_with_and_without_an_account(
    pair: Pair, route: str
) -> None:
    name, network = route.replace("/", "-"), len(route)
    with member(pair[0], f"{name}@example.org") as ada, pair[0].client() as client:

        def ask(email: str, address: str) -> list[tuple[int, str, str]]:
            body = {"email": email} | ({"password": PASSWORD} if route == "register" else {})
            answers = [
                insist(
                    lambda: client.post(
                        f"/api/auth/{route}", json=body, headers={"X-Forwarded-For": address}
                    )
                )
                for _ in range(6)
            ]
            return [
                (
                    answer.status_code,
                    ", ".join(answer.headers.get_list("ratelimit")).partition(";t=")[0],
                    answer.headers["ratelimit-policy"],
                )
                for answer in answers
            ]

        known = ask(ada.email, f"198.18.70.{network}")
        assert known == ask(f"no-{ada.email}", f"198.18.71.{network}")
    assert [(status, tightest) for status, tightest, _ in known] == [
        *((202, f'"network-3600s";r={left}') for left in (4, 3, 2, 1, 0)),
        (429, '"network-3600s";r=0'),
    ]
    for window in ("address-60s", "network-86400s", "identifier-3600s"):
        assert all(policy.count(f'"{window}"') == 1 for _, _, policy in known)


def test_an_answer_has_one_header_of_each_kind_however_many_budgets_were_asked(
    pair: Pair,
) -> None:
    with member(pair[0], "many-budgets@example.org") as ada:
        answer = insist(lambda: ada.client.post("/api/auth/reauthenticate/send-code"))
        for name in ("ratelimit", "ratelimit-policy"):
            assert len(answer.headers.get_list(name)) == 1
        assert answer.headers["ratelimit"].startswith('"network-3600s";r=4;t=')
        for window in ("address-60s", "user-3600s", "network-3600s", "identifier-3600s"):
            assert f'"{window}";q=' in answer.headers["ratelimit-policy"]


def test_the_budget_of_a_known_device_shows_to_that_device_and_for_its_account_alone(
    pair: Pair,
) -> None:
    with member(pair[0], "devoted@example.org") as ada, pair[0].client() as browser:
        assert insist(lambda: sign_in(browser, ada.email, PASSWORD)).status_code == 200

        def shown(client: httpx2.Client, email: str) -> str:
            headers = {"X-Forwarded-For": "198.18.72.1"}
            body = {"email": email}
            answer = insist(lambda: client.post("/api/auth/login/code", json=body, headers=headers))
            return answer.headers["ratelimit"].partition(";t=")[0]

        assert shown(browser, ada.email) == '"device-3600s";r=4'
        assert shown(browser, "nobody@example.org") == '"network-3600s";r=4'
        assert shown(ada.client, ada.email) == '"network-3600s";r=4'


@pytest.mark.parametrize(
    ("number", "route", "body"),
    [
        (1, "reauthenticate/send-code", None),
        (2, "user/email/send-code", None),
        (3, "user/email/send-code", {"email": "unasked@example.org"}),
    ],
    ids=["own, to sign in again", "own, to confirm it", "somebody else's"],
)
def test_nobody_who_is_signed_in_fills_a_mailbox_either(
    pair: Pair, number: int, route: str, body: dict[str, str] | None
) -> None:
    address = {"X-Forwarded-For": f"198.18.2.{number}"}
    with member(pair[0], f"insistent-{number}@example.org") as person:
        to = body["email"] if body else person.email
        before = len(mails_to(person, to))
        answers = [
            person.client.post(f"/api/auth/{route}", json=body, headers=address) for _ in range(7)
        ]
        # The ten an hour of whoever is signed in are not used up.
        assert [answer.status_code for answer in answers] == [202] * 5 + [429] * 2
        assert len(mails_to(person, to)) - before == 5


def test_a_flood_is_slowed_down_whatever_it_asks_for(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    slow = {"CHRONICLE_REQUESTS_PER_SECOND": "1", "CHRONICLE_REQUEST_BURST": "30"}
    folder = tmp_path_factory.mktemp("flooded")
    server = RunningServer(folder, CHRONICLE_LIMIT_SCALE="1", **slow)
    with server, server.client() as client:
        paths = ("/health/live", "/", "/api/auth/user", "/no/such/page", "/api/nothing")
        answers = [client.get(paths[number % 5]) for number in range(60)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert 20 <= len(refused) <= 35
        assert refused[0].json()["code"] == "too_many_requests"
        assert refused[0].headers["content-type"] == "application/problem+json"
        assert int(refused[0].headers["retry-after"]) == 1


def blocklist(server: RunningServer, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "chronicle", "admin", "blocklist", *arguments],
        cwd=server.folder,
        env=server.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_blocked_address_gets_no_answer_but_no(
    pair: Pair,
) -> None:
    server = pair[0]
    bad = {"X-Forwarded-For": "203.0.113.200"}
    with server.client() as client, pair[1].client() as elsewhere:
        assert client.get("/health/live", headers=bad).status_code == 200
        added = blocklist(server, "add", "203.0.113.192/26", "--reason", "scans")
        assert added.returncode == 0, added.stderr

        def blocked(where: httpx2.Client) -> bool:
            return where.get("/health/live", headers=bad).status_code == 403

        for where in (client, elsewhere):
            eventually(lambda where=where: blocked(where))
        for path in ("/", "/api/auth/user", "/openapi.json", "/nothing"):
            answer = client.get(path, headers=bad)
            assert (answer.status_code, answer.json()["code"]) == (403, "address_blocked")
        mapped = {"X-Forwarded-For": "::ffff:203.0.113.255"}
        assert client.get("/", headers=mapped).status_code == 403
        assert client.get("/health/live", headers={"X-Forwarded-For": "203.0.113.191"}).is_success
        assert "203.0.113.192/26  for good  scans" in blocklist(server, "list").stdout
        assert blocklist(server, "remove", "203.0.113.200").returncode == 1
        assert blocklist(server, "remove", "203.0.113.192/26").returncode == 0
        eventually(lambda: not blocked(client))


def test_a_permanent_block_is_there_from_the_first_request_after_a_restart(
    counting: RunningServer,
) -> None:
    counting.stop()
    assert blocklist(counting, "add", "127.0.0.0/8", "--reason", "everybody").returncode == 0
    counting.start(until=None)
    try:
        with counting.client() as client:

            def first_answer() -> int:
                try:
                    return client.get("/health/live").status_code
                except httpx2.TransportError:
                    return 0

            assert eventually(first_answer) == 403
    finally:
        assert blocklist(counting, "remove", "127.0.0.0/8").returncode == 0


def test_a_person_who_is_signed_in_has_a_budget_of_their_own(
    pair: Pair,
) -> None:
    with member(pair[0], "busy@example.org") as ada:
        answers = [
            ada.client.patch(
                "/api/auth/user",
                json={"name": f"Ada {number}"},
                headers={"X-Forwarded-For": f"198.19.0.{number}"},
            )
            for number in range(32)
        ]
        assert [answer.status_code for answer in answers] == [200] * 30 + [429] * 2
        assert answers[-1].json()["code"] == "too_many_requests"
        assert answers[0].headers["ratelimit"].startswith('"user-60s";r=29;t=')
        assert "ratelimit" not in ada.client.get("/api/auth/user").headers


def test_a_device_cookie_is_kept_by_browsers_alone_and_from_every_script(
    counting: RunningServer,
) -> None:
    with signed_up(counting, "cookie@example.org") as ada, counting.client() as browser:
        assert "chronicle_device" not in ada.client.cookies
        answer = sign_in(browser, ada.email, PASSWORD)
        cookies = answer.headers.get_list("set-cookie")
        device = next(cookie for cookie in cookies if cookie.startswith("chronicle_device="))
        for attribute in ("Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=31536000"):
            assert attribute in device
        kept = browser.cookies["chronicle_device"]
        assert len(kept) == 64
        sign_in(browser, ada.email, PASSWORD)
        assert browser.cookies["chronicle_device"] == kept
