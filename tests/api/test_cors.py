import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest

from tests.running_server import RunningServer, eventually

APP = "https://app.example.org"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("cors")
    with RunningServer(folder, CHRONICLE_ALLOWED_ORIGINS=f"{APP},https://b.example") as server:
        yield server


def preflight(server: RunningServer, origin: str, path: str = "/api/auth/user") -> httpx2.Response:
    return httpx2.options(
        server.url + path,
        headers={"Origin": origin, "Access-Control-Request-Method": "PATCH"},
    )


def test_a_page_on_the_list_may_call_with_its_token(server: RunningServer) -> None:
    asked = preflight(server, APP)
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == APP
    assert "PATCH" in asked.headers["access-control-allow-methods"]
    assert "authorization" in asked.headers["access-control-allow-headers"]
    answer = httpx2.get(f"{server.url}/api/auth/user", headers={"Origin": APP})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == APP
    assert answer.headers["vary"] == "origin"
    # Of all other headers a script of that page sees nothing.
    assert answer.headers["access-control-expose-headers"].split(", ") == [
        *("x-request-id", "retry-after", "ratelimit", "ratelimit-policy", "location", "etag"),
        *("content-range", "content-disposition", "chronicle-challenge-at"),
    ]


def test_no_page_may_call_with_cookies(server: RunningServer) -> None:
    for answer in (preflight(server, APP), httpx2.get(server.url + "/health/live")):
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "https://app.example.org.evil.example", f"{APP}:444", "*"],
)
def test_a_page_that_is_not_on_the_list_is_told_nothing(server: RunningServer, origin: str) -> None:
    for answer in (
        preflight(server, origin),
        httpx2.get(f"{server.url}/api/auth/user", headers={"Origin": origin}),
    ):
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-expose-headers" not in answer.headers
        assert answer.status_code in {401, 405}


def test_the_ledger_is_open_to_every_page(server: RunningServer) -> None:
    for origin in (APP, "https://evil.example"):
        answer = httpx2.get(f"{server.url}/api/web3/log/checkpoint", headers={"Origin": origin})
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that soon has enough of an address, and knows one that it does not answer."""
    settings = {
        "CHRONICLE_ALLOWED_ORIGINS": APP,
        "CHRONICLE_LIMIT_SCALE": "1",
        "CHRONICLE_REQUESTS_PER_SECOND": "2",
        "CHRONICLE_REQUEST_BURST": "1",
        "CHRONICLE_TRUSTED_PROXIES": "127.0.0.1,::1",
    }
    with RunningServer(tmp_path_factory.mktemp("strict"), **settings) as server:
        command = ["admin", "blocklist", "add", "203.0.113.7", "--reason", "scans"]
        subprocess.run(
            [sys.executable, "-m", "chronicle", *command],
            cwd=server.folder,
            env=server.environment(),
            capture_output=True,
            check=True,
        )
        yield server


@pytest.mark.parametrize(
    ("address", "code"),
    [("203.0.113.7", "address_blocked"), ("203.0.113.8", "too_many_requests")],
)
def test_a_page_on_the_list_and_no_other_can_read_that_its_address_is_refused(
    strict: RunningServer, address: str, code: str
) -> None:
    def refusal(origin: str) -> httpx2.Response:
        def ask() -> httpx2.Response | None:
            answer = client.get("/api/auth/user", headers={"Origin": origin})
            return answer if answer.json()["code"] == code else None

        answer = eventually(ask)
        assert answer is not None
        return answer

    with strict.client(headers={"X-Forwarded-For": address}) as client:
        shown = refusal(APP).headers
        assert shown["access-control-allow-origin"] == APP
        assert "retry-after" in shown["access-control-expose-headers"]
        assert "access-control-allow-origin" not in refusal("https://evil.example").headers


@pytest.mark.parametrize("status", [204, 403, 429])
def test_a_preflight_is_let_in_and_counted_like_any_request(
    strict: RunningServer, status: int
) -> None:
    address = "203.0.113.7" if status == 403 else f"203.0.113.{status - 200}"
    asks = {"Origin": APP, "Access-Control-Request-Method": "PATCH", "X-Forwarded-For": address}
    with strict.client(headers=asks) as client:

        def asked() -> httpx2.Response | None:
            answer = client.options("/api/auth/user")
            return answer if answer.status_code == status else None

        answer = eventually(asked)
    assert answer is not None
    assert ("access-control-allow-methods" in answer.headers) is (status == 204)
