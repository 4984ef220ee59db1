"""A primary that dies under its Sentinels, and a node of a Cluster, in the middle of sign-ins."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.crc import key_slot

from tests.faults.burst import ADMITTED, BEHIND_A_PROXY, BUDGET, REFUSED, UNAVAILABLE, bursting
from tests.faults.test_valkey_gone import newest_code, reading, register, verify
from tests.running_server import Person, RunningServer, eventually
from tests.services.valkey import Clustered, Service, Watched, running

pytestmark = pytest.mark.wider

DECIDED = {ADMITTED, REFUSED}


@pytest.fixture(params=["valkey-sentinel", "valkey-cluster"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    with running(request.param, tmp_path / "valkey") as service:
        yield service


@pytest.fixture
def server(tmp_path: Path, service: Service) -> Iterator[RunningServer]:
    with RunningServer(tmp_path, **BEHIND_A_PROXY, CHRONICLE_VALKEY_URL=service.url) as server:
        yield server
        assert "a request failed" not in server.log, server.log
        assert "secret" not in server.log


def is_ready(person: Person) -> bool:
    return person.client.get("/health/ready").status_code == 200


only_sentinel = pytest.mark.parametrize("service", ["valkey-sentinel"], indirect=True)
only_cluster = pytest.mark.parametrize("service", ["valkey-cluster"], indirect=True)


@only_sentinel
def test_a_failover_in_the_middle_of_sign_ins(
    ada: Person, service: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    with reading(ada) as reads, bursting(ada.server) as burst:
        eventually(lambda: len(burst.answers) > 200)
        service.primary.kill()
        killed_at = time.monotonic()
        eventually(lambda: service.primary_port == service.replica.port, within_seconds=30)
        eventually(lambda: is_ready(ada), within_seconds=30)
        eventually(lambda: DECIDED & set(burst.after(killed_at).statuses))
        recovered_at = time.monotonic()
        eventually(lambda: REFUSED in burst.statuses)
    with capsys.disabled():
        sys.stdout.write(burst.figures("failover", over_at=killed_at, recovered_at=recovered_at))
    assert set(reads) == {200}
    assert set(burst.statuses) <= {*DECIDED, UNAVAILABLE}
    assert burst.most_admitted <= 2 * BUDGET
    assert "valkey failed over" in ada.server.log
    ada.sign_in()


@only_sentinel
def test_the_old_primary_comes_back_as_a_replica_and_is_left_alone(
    ada: Person, service: Watched
) -> None:
    service.primary.kill()
    eventually(lambda: service.primary_port == service.replica.port, within_seconds=30)
    eventually(lambda: is_ready(ada), within_seconds=30)
    service.primary.start()
    eventually(lambda: service.primary.answers(password="secret"))
    ticket = register(ada.client, "eve@example.org").json()["ticket"]
    code = newest_code(ada.server, "eve@example.org")
    assert verify(ada.client, ticket, code).status_code == 201
    assert verify(ada.client, ticket, code).status_code == 410


@only_sentinel
def test_a_primary_that_hangs_is_replaced_and_not_believed_when_it_wakes(
    ada: Person, service: Watched
) -> None:
    service.primary.hang()
    with reading(ada) as reads:
        eventually(lambda: service.primary_port == service.replica.port, within_seconds=30)
        eventually(lambda: is_ready(ada), within_seconds=30)
        service.primary.go_on()
        ada.sign_in()
        assert is_ready(ada)
    assert set(reads) == {200}


@only_sentinel
def test_one_of_three_sentinels_is_enough(ada: Person, service: Watched) -> None:
    for sentinel in service.sentinels[:2]:
        sentinel.kill()
    ada.server.stop()
    ada.server.start()
    ada.sign_in()


@only_cluster
def test_a_dead_node_takes_a_third_of_the_sign_ins_along(
    ada: Person, service: Clustered, capsys: pytest.CaptureFixture[str]
) -> None:
    node = service.servers[2]
    with reading(ada) as reads, bursting(ada.server, addresses=16) as burst:
        eventually(lambda: len(burst.answers) > 200)
        node.kill()
        killed_at = time.monotonic()
        eventually(lambda: UNAVAILABLE in burst.statuses)
        eventually(lambda: not is_ready(ada))
        # Whose slots live on is served all the while.
        eventually(lambda: len(burst.after(killed_at).answers) > 200)
        meanwhile = burst.after(killed_at).statuses
        node.start()
        started_at = time.monotonic()
        eventually(lambda: is_ready(ada), within_seconds=30)
        recovered_at = time.monotonic()
        eventually(lambda: len(burst.after(recovered_at).answers) > 100)
        afterwards = burst.after(recovered_at).statuses
    figures = burst.figures("node killed", over_at=started_at, recovered_at=recovered_at)
    with capsys.disabled():
        sys.stdout.write(figures)
    assert set(reads) == {200}
    assert set(burst.statuses) <= {*DECIDED, UNAVAILABLE}
    assert meanwhile[ADMITTED] + meanwhile[REFUSED] > meanwhile[UNAVAILABLE] > 0
    assert burst.most_admitted <= BUDGET
    assert UNAVAILABLE not in afterwards
    ada.sign_in()


@only_cluster
def test_budgets_hold_while_their_slots_move_to_another_node(
    ada: Person, service: Clustered
) -> None:
    source, target = (each.client(password="secret") for each in service.servers[:2])
    with contextlib.closing(source), contextlib.closing(target):
        with bursting(ada.server, addresses=5) as burst:
            eventually(lambda: len(burst.answers) > 200)
            slots = {key_slot(key) for key in source.keys("chronicle:limit:*")}
            assert slots
            for slot in slots:
                move(slot, source, target, service.servers[1].port)
            moved_at = time.monotonic()
            eventually(lambda: REFUSED in burst.after(moved_at).statuses)
        assert not {key_slot(key) for key in source.keys("*")} & slots
    # A call may be late where the machine is busy; that is no more than a few of hundreds.
    assert set(burst.statuses) <= {*DECIDED, UNAVAILABLE}
    assert burst.statuses[UNAVAILABLE] < len(burst.answers) / 10
    assert burst.most_admitted == BUDGET


def move(slot: int, source: "Redis", target: "Redis", port: int) -> None:
    """Move a slot key by key, as `valkey-cli --cluster reshard` does."""
    source_id, target_id = (each.execute_command("CLUSTER", "MYID") for each in (source, target))
    target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    while keys := source.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100):
        there = ("127.0.0.1", port, "", 0, 5000)
        source.execute_command("MIGRATE", *there, "AUTH", "secret", "KEYS", *keys)
    for each in (target, source):
        each.execute_command("CLUSTER", "SETSLOT", slot, "NODE", target_id)
