"""A Valkey behind a link that fails: cut, silent, slow; killed; or one that forgets by itself."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.burst import ADMITTED, BEHIND_A_PROXY, BUDGET, REFUSED, bursting
from tests.faults.test_valkey_gone import reading
from tests.running_server import Person, RunningServer, eventually
from tests.services.tcp_proxy import TcpProxy
from tests.services.valkey import Alone, running

OUTAGE_SECONDS = 1.5


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    with running("valkey", tmp_path / "valkey") as service:
        yield service


@pytest.fixture
def link(alone: Alone) -> Iterator[TcpProxy]:
    with TcpProxy(alone.server.port) as link:
        yield link


@pytest.fixture
def server(tmp_path: Path, alone: Alone, link: TcpProxy) -> Iterator[RunningServer]:
    url = alone.url.replace(str(alone.server.port), str(link.port))
    with RunningServer(tmp_path, **BEHIND_A_PROXY, CHRONICLE_VALKEY_URL=url) as server:
        yield server
        assert "a request failed" not in server.log, server.log


def state_of(person: Person) -> str:
    state: str = person.client.get("/health/ready").json()["circuits"]["shared_state"]
    return state


def is_ready(person: Person) -> bool:
    return person.client.get("/health/ready").status_code == 200


FAULTS: dict[str, Callable[[TcpProxy], None]] = {
    "cut": TcpProxy.cut,
    "silent": TcpProxy.silence,
    "500 ms slow": lambda link: link.slow_down(0.5),
}


@pytest.mark.wider
@pytest.mark.parametrize("fault", FAULTS)
def test_reads_go_on_and_nobody_gets_more_than_the_budget_over_a_bad_link(
    ada: Person, link: TcpProxy, fault: str, capsys: pytest.CaptureFixture[str]
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
    with capsys.disabled():
        sys.stdout.write(burst.figures(fault, over_at=mended_at, recovered_at=recovered_at))
    assert set(reads) == {200}
    assert set(burst.statuses) <= {ADMITTED, REFUSED, 503}
    assert burst.most_admitted <= BUDGET
    assert state_of(ada) == "closed"
    # Each turn is a line, and not each call.
    assert ada.server.log.count("a server does not answer") == 1
    assert ada.server.log.count("a server answers again") == 1


@pytest.mark.wider
def test_a_killed_valkey_that_comes_back_has_forgotten_nothing(
    ada: Person, alone: Alone, capsys: pytest.CaptureFixture[str]
) -> None:
    with reading(ada) as reads, bursting(ada.server) as burst:
        eventually(lambda: REFUSED in burst.statuses)
        alone.server.kill()
        broken_at = time.monotonic()
        eventually(lambda: state_of(ada) == "open")
        alone.start()
        eventually(lambda: is_ready(ada))
        recovered_at = time.monotonic()
        eventually(lambda: {ADMITTED, REFUSED} & set(burst.after(recovered_at).statuses))
    with capsys.disabled():
        sys.stdout.write(burst.figures("killed", over_at=broken_at, recovered_at=recovered_at))
    assert set(reads) == {200}
    assert set(burst.statuses) <= {ADMITTED, REFUSED, 503}
    assert burst.most_admitted <= BUDGET


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
