"""A real `chronicle serve` as a child process, for tests that talk to it over HTTP."""

import contextlib
import hashlib
import itertools
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
import pytest

from tests.services.choice import MONGO_URL, on_mongo, with_database

CHEAP_HASHES = {
    "CHRONICLE_ARGON2_MEMORY_KIB": "64",
    "CHRONICLE_ARGON2_TIME_COST": "1",
    "CHRONICLE_ARGON2_PARALLELISM": "1",
}
PASSWORD = "seven lamps over a quiet harbour"

_T = TypeVar("_T")

# Nothing here speaks TLS, and a client of its own would read all of the machine's authorities.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# Below those that the system gives to whoever asks for any, which could be a port whose server is
# not up yet, or is down.
_ports = itertools.cycle(random.sample(range(20_000, 32_768), 12_768))

_START_SECONDS = 30.0
_STOP_SECONDS = 20.0


class RunningServer:
    """One server over one data folder. Restarting keeps the folder and the port."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8")

    def start(self, *, until: str | None = "/health/ready") -> Self:
        """Start it, and wait until this address answers 200; None does not wait."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chronicle", "serve"],
                cwd=self.folder,
                env=self.environment(),
                stdout=log,
                stderr=log,
            )
        if until is not None:
            try:
                self._await_ready(until)
            except BaseException:
                self._process.kill()
                raise
        return self

    def stop(self) -> int:
        """End it as an operator would; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_STOP_SECONDS)

    def wait(self) -> int:
        """Wait until it has ended; its exit code."""
        assert self._process is not None
        return self._process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(_STOP_SECONDS)

    def client(self, **options: Any) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=20, verify=NO_AUTHORITIES, **options)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self.stop()
        self._end_orphan()

    def _end_orphan(self) -> None:
        """End the Valkey that a killed server leaves to its next start, which won't come."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((self.data_dir / "valkey" / "valkey.pid").read_text(encoding="ascii"))
            parent = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
            is_valkey = "valkey" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
            if is_valkey and parent.split()[1] == "1":
                os.kill(pid, signal.SIGTERM)

    def environment(self) -> Mapping[str, str]:
        """The environment of this server, also for commands beside it."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("CHRONICLE_")}
        own = {
            "CHRONICLE_PORT": str(self.port),
            "CHRONICLE_DATA_DIR": str(self.data_dir),
            "CHRONICLE_DRAIN_SECONDS": "5",
            # All of a test's people come from one address.
            "CHRONICLE_LIMIT_SCALE": "1000",
        }
        chosen = inherited | CHEAP_HASHES | own | self._settings
        return _database_of(chosen["CHRONICLE_DATA_DIR"]) | chosen

    def _await_ready(self, address: str) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        with self.client() as client:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    raise AssertionError(f"the server ended:\n{self.log}")
                try:
                    if client.get(address).status_code == 200:
                        return
                except httpx2.TransportError:
                    pass
                time.sleep(0.02)
        raise AssertionError(f"the server was not ready in time:\n{self.log}")


def _database_of(data_dir: str) -> dict[str, str]:
    """Where its database is: with CHRONICLE_TEST_DATABASE=mongo, not in the data folder.

    Servers over one folder share a database there as well.
    """
    if not on_mongo():
        return {}
    name = f"test_{hashlib.sha256(data_dir.encode()).hexdigest()[:24]}"
    return {"CHRONICLE_DATABASE_URL": with_database(os.environ[MONGO_URL], name)}


def free_port() -> int:
    """A port that nobody has, and that this run gave to nobody before."""
    for port in _ports:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports go round for ever")


def eventually(look: Callable[[], _T], *, within_seconds: float = 15) -> _T:
    """What `look` answers once that is true; an error when it takes longer."""
    deadline = time.monotonic() + within_seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r} after {within_seconds} s"
        time.sleep(0.01)
    return seen


def insist(call: Callable[[], httpx2.Response], *, within_seconds: float = 15) -> httpx2.Response:
    """What a call is answered, made again while that is "not now" (503).

    On a busy machine Valkey may miss its 100 ms, and nothing is wrong then. Only for calls that may
    be made twice; `undisturbed` is for those that count.
    """
    deadline = time.monotonic() + within_seconds
    while (answer := call()).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.01)
    return answer


def undisturbed(race: Callable[[], list[httpx2.Response]]) -> list[httpx2.Response]:
    """The answers to a race, which is run anew, from its start, if any of them was "not now"."""
    for _ in range(20):
        answers = race()
        if all(answer.status_code != 503 for answer in answers):
            break
    return answers


Pair = tuple[RunningServer, RunningServer]


@contextmanager
def two_servers(folders: pytest.TempPathFactory, **alike: str) -> Iterator[Pair]:
    """Two servers over one data folder and one Valkey, as behind a load balancer."""
    first = RunningServer(folders.mktemp("first"), **alike)
    second = RunningServer(
        folders.mktemp("second"),
        **alike,
        CHRONICLE_DATA_DIR=str(first.data_dir),
        CHRONICLE_BASE_URL=first.url,
    )
    with first, second:
        yield first, second
        for server in (first, second):
            assert "a request failed" not in server.log, server.log


class Person:
    """Somebody who signs up and in over HTTP."""

    def __init__(self, server: RunningServer, email: str) -> None:
        self.server = server
        self.email = email
        self.client = server.client()
        self.session: dict[str, Any] = {}

    def sign_up(self, *, headers: Mapping[str, str] | None = None, **extra: str) -> Self:
        body = {"email": self.email, "password": PASSWORD, **extra}
        answer = insist(lambda: self.client.post("/api/auth/register", json=body, headers=headers))
        assert answer.status_code == 202, answer.text
        finished = self._post(
            "register/verify",
            ticket=answer.json()["ticket"],
            code=self.newest_code(),
            token_transport="body",
        )
        assert finished.status_code == 201, finished.text
        return self._take(finished.json())

    def sign_in(self) -> Self:
        return self.sign_in_with(PASSWORD)

    def sign_in_with(self, password: str) -> Self:
        answer = self._post("login", email=self.email, password=password, token_transport="body")
        assert answer.status_code == 200, answer.text
        return self._take(answer.json())

    def newest_code(self) -> str:
        subject = eventually(self.mails)[0]["subject"]
        return subject.split(maxsplit=1)[0]

    def mails(self) -> list[dict[str, str]]:
        """The mails to this person, newest first."""
        items = self.client.get("/api/dev/outbox").json()["items"]
        return [mail for mail in items if mail["to"] == self.email]

    def _post(self, path: str, **body: str) -> httpx2.Response:
        return insist(lambda: self.client.post(f"/api/auth/{path}", json=body))

    def _take(self, session: dict[str, Any]) -> Self:
        self.session = session
        self.client.headers["Authorization"] = f"Bearer {session['access_token']}"
        return self


@contextmanager
def signed_up(server: RunningServer, email: str) -> Iterator[Person]:
    person = Person(server, email)
    with person.client:
        yield person.sign_up()
