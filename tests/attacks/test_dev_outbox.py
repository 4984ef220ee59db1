"""The development outbox shows every code there is: to this machine alone, and only there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attacks.raw_http import exchange, request
from tests.running_server import RunningServer, free_port


def status_of(server: RunningServer, *headers: tuple[str, str], host: str) -> int:
    return exchange(server.port, request("GET", "/api/dev/outbox", headers, host=host)).status


def test_the_outbox_is_shown_under_this_machines_names(server: RunningServer) -> None:
    for name in ("localhost", "127.0.0.1", "[::1]"):
        assert status_of(server, host=f"{name}:{server.port}") == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost",
        "localhost:1",
        "localhost.evil.example:{port}",
        "evil.example:{port}",
        "127.0.0.1.nip.io:{port}",
        "127.0.0.2:{port}",
        "0.0.0.0:{port}",
        "2130706433:{port}",
        "localhost:{port}@evil.example",
        "localhost:{port}, evil.example",
        "user@localhost:{port}",
        "LOCALHOST.:{port}",
        "",
    ],
)
def test_a_name_that_was_rebound_to_this_machine_sees_no_mail(
    server: RunningServer, host: str
) -> None:
    assert status_of(server, host=host.format(port=server.port)) == 404


@pytest.mark.parametrize(
    "header",
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-For", ""),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Forwarded-Host", "localhost"),
        ("X-Forwarded-Proto", "https"),
        ("Via", "1.1 proxy"),
    ],
)
def test_a_call_through_a_proxy_sees_no_mail(
    server: RunningServer, header: tuple[str, str]
) -> None:
    assert status_of(server, header, host=f"localhost:{server.port}") == 404


def test_a_page_of_another_origin_may_not_read_it(server: RunningServer) -> None:
    origin = [("Origin", "http://evil.example")]
    whole = request("GET", "/api/dev/outbox", origin, host=f"localhost:{server.port}")
    answer = exchange(server.port, whole)
    assert answer.header("access-control-allow-origin") is None
    assert answer.header("cross-origin-resource-policy") == "same-origin"


ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as connection:
    connection.sendall(sys.stdin.buffer.read())
    sys.stdout.buffer.write(connection.recv(4096))
"""


def test_another_machine_sees_no_mail(tmp_path: Path) -> None:
    outside = _an_address_that_is_not_loopback()
    with RunningServer(tmp_path, CHRONICLE_HOST="0.0.0.0") as server:
        asked = subprocess.run(
            # In a process of its own: this one may talk to the loopback address only.
            [sys.executable, "-c", ASK, outside, str(server.port)],
            input=request("GET", "/api/dev/outbox", host=f"localhost:{server.port}"),
            capture_output=True,
            timeout=30,
            check=True,
        )
        assert asked.stdout.startswith(b"HTTP/1.1 404 ")
        assert status_of(server, host=f"localhost:{server.port}") == 200


def _an_address_that_is_not_loopback() -> str:
    table = Path("/proc/net/fib_trie")
    text = table.read_text(encoding="ascii") if table.exists() else ""
    found = set(re.findall(r"\|-- (\S+)\n +/32 host LOCAL", text))
    others = sorted(address for address in found if not address.startswith("127."))
    if not others:
        pytest.skip("this machine has no address but the loopback")
    return others[0]


def test_production_refuses_to_start_and_says_every_reason(tmp_path: Path) -> None:
    port = free_port()
    mine = {key: value for key, value in os.environ.items() if not key.startswith("CHRONICLE_")}
    ended = subprocess.run(
        [sys.executable, "-m", "chronicle", "serve"],
        cwd=tmp_path,
        env=mine | {"CHRONICLE_ENV": "production", "CHRONICLE_PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    for name in ("CHRONICLE_BASE_URL", "CHRONICLE_KEYS_FILE", "CHRONICLE_MAILER"):
        assert name in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == [], "it made something although it did not start"
