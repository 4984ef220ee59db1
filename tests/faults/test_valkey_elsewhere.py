"""A Valkey behind a link that fails: cut, silent, slow; killed, flushed, or brought back stale."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.burst import ADMITTED, BEHIND_A_PROXY, BUDGET, REFUSED, bursting, guess
from tests.faults.test_valkey_gone import newest_code, reading, register, verify
from tests.running_server import Person, RunningServer, eventually
from tests.services.bad_link import BadLink
from tests.services.valkey import Alone, running

OUTAGE_SECONDS = 1.5


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    with running("valkey", tmp_path / "valkey") as service:
        yield service


@pytest.fixture
def link(alone: Alone) -> Iterator[BadLink]:
    with BadLink(alone.server.port) as link:
        yield link


@pytest.fixture
def server(tmp_path: Path, alone: Alone, link: BadLink) -> Iterator[RunningServer]:
    url = alone.url.replace(str(alone.server.port), str(link.port))
    with RunningServer(tmp_path, **BEHIND_A_PROXY, CHRONICLE_VALKEY_URL=url) as server:
        yield server
        assert "a request failed" not in server.log, server.log


def state_of(person: Person) -> str:
    state: str = person.client.get("/health/ready").json()["circuits"]["shared_state"]
    return state


def is_ready(person: Person) -> bool:
    return person.client.get("/health/ready").status_code == 200


FAULTS: dict[str, Callable[[BadLink], None]] = {
    "cut": BadLink.cut,
    "silent": BadLink.silence,
    "500 ms slow": lambda link: link.slow(0.5),
}


@pytest.mark.wider
@pytest.mark.parametrize("fault", FAULTS)
def test_reads_go_on_and_nobody_gets_more_than_the_budget_over_a_bad_link(
    ada: Person, link: BadLink, fault: str
) -> None:
    with reading(ada) as reads, bursting(ada.server) as burst:
        eventually(lambda: REFUSED in burst.statuses)
        FAULTS[fault](link)
        broken_at = time.monotonic()
        eventually(lambda: state_of(ada) == "open")
        assert ada.client.get("/health/ready").status_code == 503
        until = broken_at + OUTAGE_SECONDS
        eventually(lambda: time.monotonic() > until)
        link.mend()
        mended_at = time.monotonic()
        eventually(lambda: is_ready(ada))
        eventually(lambda: {ADMITTED, REFUSED} & set(burst.after(mended_at).statuses))
        recovered_at = time.monotonic()
    burst.tell(fault, over_at=mended_at, recovered_at=recovered_at)
    assert set(reads) == {200}
    assert set(burst.statuses) <= {ADMITTED, REFUSED, 503}
    assert burst.most_admitted <= BUDGET
    assert state_of(ada) == "closed"
    # Each turn is a line, and not each call.
    assert ada.server.log.count("a server does not answer") == 1
    assert ada.server.log.count("a server answers again") == 1


@pytest.mark.wider
def test_a_killed_valkey_that_comes_back_has_forgotten_nothing(ada: Person, alone: Alone) -> None:
    with reading(ada) as reads, bursting(ada.server) as burst:
        eventually(lambda: REFUSED in burst.statuses)
        alone.server.kill()
        broken_at = time.monotonic()
        eventually(lambda: state_of(ada) == "open")
        alone.start()
        eventually(lambda: is_ready(ada))
        recovered_at = time.monotonic()
        eventually(lambda: {ADMITTED, REFUSED} & set(burst.after(recovered_at).statuses))
    burst.tell("killed", over_at=broken_at, recovered_at=recovered_at)
    assert set(reads) == {200}
    assert set(burst.statuses) <= {ADMITTED, REFUSED, 503}
    assert burst.most_admitted <= BUDGET


def test_a_flushed_valkey_grants_each_budget_once_more_and_not_twice(
    ada: Person, alone: Alone
) -> None:
    def admitted() -> int:
        statuses = [guess(ada.client, "198.18.9.9", number) for number in range(BUDGET + 5)]
        assert set(statuses) == {ADMITTED, REFUSED}
        return statuses.count(ADMITTED)

    assert admitted() == BUDGET
    with contextlib.closing(alone.raw()) as raw:
        raw.flushall()
        raw.script_flush()
    assert admitted() == BUDGET
    assert guess(ada.client, "198.18.9.9", 99) == REFUSED


class Stale:
    """Copies of what Valkey keeps, to bring back as a replica that was behind would."""

    def __init__(self, alone: Alone) -> None:
        self._raw = alone.raw()
        self._copies = {key: self._raw.dump(key) for key in self._raw.keys("chronicle:ticket:*")}
        assert self._copies

    def promote(self) -> None:
        for key, copy in self._copies.items():
            self._raw.restore(key, 60_000, copy, replace=True)

    def close(self) -> None:
        self._raw.close()


def test_a_code_that_was_used_is_worth_nothing_when_its_ticket_comes_back(
    ada: Person, alone: Alone
) -> None:
    server, client = ada.server, ada.client
    ticket = register(client, "eve@example.org").json()["ticket"]
    code = newest_code(server, "eve@example.org")
    with contextlib.closing(Stale(alone)) as stale:
        assert verify(client, ticket, code).status_code == 201
        stale.promote()
        assert verify(client, ticket, code).status_code == 410


def test_a_mailed_sign_in_and_a_reset_are_good_once_when_their_tickets_come_back(
    ada: Person, alone: Alone
) -> None:
    client = ada.client
    asked = client.post("/api/auth/login/code", json={"email": ada.email})
    body = {"ticket": asked.json()["ticket"], "code": ada.newest_code()}
    with contextlib.closing(Stale(alone)) as stale:
        assert client.post("/api/auth/login/code/verify", json=body).status_code == 200
        stale.promote()
        assert client.post("/api/auth/login/code/verify", json=body).status_code == 410
    mails = len(ada.mails())
    asked = client.post("/api/auth/password/forgot", json={"email": ada.email})
    eventually(lambda: len(ada.mails()) > mails)
    code = ada.newest_code()
    reset = {"ticket": asked.json()["ticket"], "code": code, "password": "nine gulls in the rain"}
    with contextlib.closing(Stale(alone)) as stale:
        assert client.post("/api/auth/password/reset", json=reset).status_code == 204
        stale.promote()
        again = client.post("/api/auth/password/reset", json=reset)
        assert (again.status_code, again.json()["code"]) == (400, "invalid_reset_token")


def test_guesses_that_come_back_with_a_ticket_are_still_counted_in_the_database(
    ada: Person, alone: Alone
) -> None:
    ticket = register(ada.client, "eve@example.org").json()["ticket"]
    with contextlib.closing(Stale(alone)) as stale:
        answers = []
        for _ in range(5):
            answers += [verify(ada.client, ticket, "0000-0000") for _ in range(4)]
            stale.promote()
    codes = [answer.json()["code"] for answer in answers]
    assert codes.count("invalid_code") == 10
    assert set(codes[10:]) == {"too_many_attempts"}


def test_production_refuses_a_valkey_that_throws_keys_away(tmp_path: Path, alone: Alone) -> None:
    with contextlib.closing(alone.raw()) as raw:
        raw.config_set("maxmemory-policy", "allkeys-lru")
    server = RunningServer(tmp_path, CHRONICLE_VALKEY_URL=alone.url)
    with server:
        assert "maxmemory-policy noeviction" in server.log
    keys = tmp_path / "kept" / "keys.json"
    production = {
        "CHRONICLE_ENV": "production",
        "CHRONICLE_BASE_URL": "https://example.org",
        "CHRONICLE_KEYS_FILE": str(keys),
        "CHRONICLE_MAILER": "smtp",
        "CHRONICLE_SMTP_URL": "smtp://localhost:1",
        "CHRONICLE_LIMIT_SCALE": "1",
        "CHRONICLE_ARGON2_MEMORY_KIB": "19456",
        "CHRONICLE_ARGON2_TIME_COST": "2",
        "CHRONICLE_VALKEY_URL": alone.url,
    }
    keys.parent.mkdir()
    (server.data_dir / "keys.json").rename(keys)
    refused = RunningServer(tmp_path, **production)
    refused.start(until=None)
    assert refused.wait() != 0
    last = refused.log.splitlines()[-1]
    assert "maxmemory-policy noeviction" in last
    assert "allkeys-lru" in last
