"""Valkey killed, slow to come back, or never there: what needs it is refused, the rest goes on."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2

from tests.process_facts import children
from tests.running_server import PASSWORD, Person, RunningServer, eventually, free_port
from tests.stored import listed, put


def valkey_of(server: RunningServer) -> int | None:
    """The process id of the server's Valkey, while it has one."""
    for pid in children(server.pid):
        with contextlib.suppress(OSError):
            if "valkey-server" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"):
                return pid
    return None


def kill_valkey(server: RunningServer) -> int:
    pid = eventually(lambda: valkey_of(server))
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


def register(client: httpx2.Client, email: str) -> httpx2.Response:
    return client.post("/api/auth/register", json={"email": email, "password": PASSWORD})


def verify(client: httpx2.Client, ticket: str, code: str) -> httpx2.Response:
    body = {"ticket": ticket, "code": code, "token_transport": "body"}
    return client.post("/api/auth/register/verify", json=body)


def newest_code(server: RunningServer, email: str) -> str:
    person = Person(server, email)
    with contextlib.closing(person.client):
        return person.newest_code()


@contextlib.contextmanager
def stopping(server: RunningServer) -> Iterator[None]:
    try:
        yield
    finally:
        server.stop()


@contextlib.contextmanager
def reading(person: Person) -> Iterator[list[int]]:
    """Reads of a signed-in person all the while; the statuses that they were answered with."""
    done, statuses = threading.Event(), []

    def read() -> None:
        headers = {"Authorization": f"Bearer {person.session['access_token']}"}
        with person.server.client(headers=headers) as client:
            while not done.is_set():
                statuses.append(client.get("/api/auth/user").status_code)
                statuses.append(client.get("/api/web3/uploads").status_code)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield statuses
    finally:
        done.set()
        thread.join(30)


def test_a_killed_valkey_comes_back_and_signed_in_reads_never_notice(ada: Person) -> None:
    server = ada.server
    with reading(ada) as statuses:
        for _ in range(3):
            before = kill_valkey(server)
            eventually(lambda before=before: valkey_of(server) not in (None, before))
            eventually(lambda: ada.client.get("/health/ready").status_code == 200)
            seen = len(statuses)
            eventually(lambda seen=seen: len(statuses) > seen)
    assert set(statuses) == {200}
    assert put(ada, b"afterwards").status_code == 201


def test_a_ticket_outlives_the_valkey_that_kept_it(ada: Person) -> None:
    server = ada.server
    ticket = register(ada.client, "eve@example.org").json()["ticket"]
    code = newest_code(server, "eve@example.org")
    # Acknowledged tickets are in the append-only file already; a killed process loses none of it.
    before = kill_valkey(server)
    eventually(lambda: valkey_of(server) not in (None, before))
    eventually(lambda: ada.client.get("/health/ready").status_code == 200)
    wrong = verify(ada.client, ticket, "0000-0000")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_code")
    assert verify(ada.client, ticket, code).status_code == 201
    again = verify(ada.client, ticket, code)
    assert (again.status_code, again.json()["code"]) == (410, "ticket_expired")


def test_a_spent_guess_does_not_come_back_with_valkey(ada: Person) -> None:
    server = ada.server
    ticket = register(ada.client, "mallory@example.org").json()["ticket"]
    code = newest_code(server, "mallory@example.org")
    for _ in range(4):
        assert verify(ada.client, ticket, "0000-0000").status_code == 400
    before = kill_valkey(server)
    eventually(lambda: valkey_of(server) not in (None, before))
    eventually(lambda: ada.client.get("/health/ready").status_code == 200)
    assert verify(ada.client, ticket, "0000-0000").status_code == 400
    assert verify(ada.client, ticket, code).status_code == 410


def test_codes_fail_closed_while_valkey_hangs(ada: Person) -> None:
    server = ada.server
    ticket = register(ada.client, "carol@example.org").json()["ticket"]
    code = newest_code(server, "carol@example.org")
    pid = valkey_of(server)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with reading(ada) as statuses:
            for answer in (
                verify(ada.client, ticket, code),
                register(ada.client, "dan@example.org"),
            ):
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                assert int(answer.headers["retry-after"]) > 0
            ready = ada.client.get("/health/ready")
            assert ready.status_code == 503
            assert ready.json()["dependencies"]["shared_state"] is False
        assert set(statuses) == {200}
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: ada.client.get("/health/ready").status_code == 200)
    # The stopped process had taken the guess with the right code before it was cut off, perhaps.
    assert verify(ada.client, ticket, code).status_code in (201, 410)
    assert register(ada.client, "dan@example.org").status_code == 202


def test_nobody_is_locked_out_of_an_account_by_a_dead_valkey(ada: Person) -> None:
    kill_valkey(ada.server)
    statuses = {put(ada, b"%d" % number).status_code for number in range(5)}
    assert statuses == {201}
    assert len(listed(ada)) == 5
    eventually(lambda: ada.client.get("/health/ready").status_code == 200)
    ada.sign_in()


def test_a_server_whose_valkey_url_leads_nowhere_says_so_and_serves_what_it_can(
    tmp_path: Path,
) -> None:
    port = free_port()
    nowhere = f"redis://user:s3cret@127.0.0.1:{port}"
    server = RunningServer(tmp_path, CHRONICLE_VALKEY_URL=nowhere)
    with stopping(server.start(until="/health/live")), server.client() as client:
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["dependencies"]["shared_state"] is False
        assert register(client, "eve@example.org").status_code == 503
        assert client.get("/api/auth/user").status_code == 401
        assert client.get("/").status_code == 200
    assert "CHRONICLE_VALKEY_URL" in server.log
    assert "s3cret" not in server.log
