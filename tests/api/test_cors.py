from collections.abc import Iterator

import httpx2
import pytest

from tests.running_server import RunningServer

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
