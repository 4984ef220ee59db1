import re
from collections.abc import AsyncIterator
from importlib import resources

import httpx2
import pytest

from chronicle.console.pages import ASSETS, CONTENT_SECURITY_POLICY, PAGES, Console

FILE_PAGE = "/files/0190a0b0-c0d0-7000-8000-000000000001"
STATIC = resources.files("chronicle.console") / "static"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=Console())
    async with httpx2.AsyncClient(transport=transport, base_url="http://console") as client:
        yield client


@pytest.mark.parametrize("path", [*sorted(PAGES), FILE_PAGE])
async def test_every_address_of_the_console_shows_the_page(
    client: httpx2.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "<!doctype html>" in answer.text
    assert Console().serves(path)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/files/1",
        FILE_PAGE + "/",
        "/console/",
        "/console/index.html",
        "/console/../pages.py",
        "/console/%2e%2e/pages.py",
        "/console/js/..%2f..%2f..%2fpages.py",
        "/console//js/main.mjs",
        "/console/js/main.mjs%00",
    ],
)
async def test_any_other_address_gets_the_page_with_status_404(
    client: httpx2.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "<!doctype html>" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert not Console().serves(path)


async def test_everything_that_the_page_asks_for_is_served_with_its_media_type(
    client: httpx2.AsyncClient,
) -> None:
    asked = re.findall(r'(?:src|href)="(/console/[^"]+)"', (await client.get("/")).text)
    assert len(asked) > 10
    for path in asked:
        answer = await client.get(path)
        assert answer.status_code == 200, path
        kind = {"css": "text/css", "js": "text/javascript", "mjs": "text/javascript"}
        expected = kind.get(path.rpartition(".")[2], "image/svg+xml")
        assert answer.headers["content-type"].partition(";")[0] == expected


async def test_every_module_that_a_script_imports_exists(client: httpx2.AsyncClient) -> None:
    waiting, seen = [f"{ASSETS}js/main.mjs"], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = await client.get(path)
        assert answer.status_code == 200, path
        named = re.findall(r'(?:from|import|import\(|new URL\()\s*"(\.{1,2}/[^"]+)"', answer.text)
        waiting += [str(httpx2.URL(f"http://console{path}").join(one).path) for one in named]
    scripts = {f"{ASSETS}js/{name}" for name in _scripts("js")}
    assert scripts - seen == {f"{ASSETS}js/theme.js"}


def _scripts(folder: str, prefix: str = "") -> list[str]:
    found: list[str] = []
    for item in (STATIC / folder).iterdir():
        if item.is_dir():
            found += _scripts(f"{folder}/{item.name}", f"{prefix}{item.name}/")
        else:
            found.append(prefix + item.name)
    return found


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
async def test_a_file_that_did_not_change_is_not_sent_again(
    client: httpx2.AsyncClient, form: str
) -> None:
    first = await client.get("/console/css/base.css")
    again = await client.get(
        "/console/css/base.css", headers={"If-None-Match": form.format(first.headers["etag"])}
    )
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]


async def test_a_file_that_changed_is_sent(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/console/css/base.css", headers={"If-None-Match": '"older"'})
    assert answer.status_code == 200
    assert answer.content


async def test_only_reading_is_offered(client: httpx2.AsyncClient) -> None:
    assert (await client.head("/")).status_code == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = await client.request(method, "/")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD"


async def test_the_page_holds_nothing_that_its_policy_forbids(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/")).text
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
