"""Other spellings of addresses, other methods, and redirects that could be led astray."""

from urllib.parse import urlsplit

import pytest

from chronicle.api.app import endpoints
from tests.attacks.raw_http import RawAnswer, exchange, request
from tests.running_server import Person, RunningServer

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ID = "01890000-0000-7000-8000-000000000000"


def concrete(path: str) -> str:
    """A declared path with something in the place of its parameters."""
    return path.replace("{id}", ID).replace("{path:path}", "0/000")


PATHS = sorted({concrete(endpoint.path) for endpoint in endpoints()})


def own_host(server: RunningServer) -> str:
    return f"localhost:{server.port}"


def get(server: RunningServer, target: str | bytes, *, host: str | None = None) -> RawAnswer:
    whole = request("GET", target, host=own_host(server) if host is None else host)
    return exchange(server.port, whole)


@pytest.mark.parametrize("path", ["/", "/docs", "/console/js/main.mjs", "/openapi.json", *PATHS])
def test_every_address_says_which_methods_it_knows(server: RunningServer, path: str) -> None:
    known = {one.method for one in endpoints() if concrete(one.path) == path} or {"GET"}
    known |= {"HEAD"} & ({"HEAD"} if "GET" in known else set())
    for method in METHODS:
        if method in known:
            continue
        whole = request(method, path, host=own_host(server))
        answer = exchange(server.port, whole, method=method)
        assert answer.status == 405, method
        assert answer.header("allow") == ", ".join(sorted(known))
        if method != "HEAD":
            assert answer.code == "method_not_allowed"


@pytest.mark.parametrize("method", ["BREW", "get", "G\x00T", "GET\t", "\xff", "X" * 3000])
def test_a_method_that_is_none_is_refused(server: RunningServer, method: str) -> None:
    answer = exchange(server.port, request(method, "/health/live"))
    assert (answer.status, answer.code) == (400, "malformed_request")


def test_only_one_spelling_of_an_address_leads_anywhere(server: RunningServer) -> None:
    for path in PATHS:
        first, rest = path[1:2], path[2:]
        escaped = f"/%{ord(first):02x}{rest}"
        *folders, last = path.split("/")
        spellings = [
            f"/{path}",
            f"/.{path}",
            f"/x/..{path}",
            f"/%2e{path}",
            f"/x/%2e%2e{path}",
            f"{path}/",
            f"{path}//",
            f"{path}/.",
            f"{path}%00",
            f"{path}%0a",
            f"{path};x=1",
            f"{path}%3fx",
            f"{path} ".replace(" ", "%20"),
            escaped,
            "/".join(folders) + "%2f" + last,
            "/".join(folders) + "%5c" + last,
            "/".join(folders) + "\\" + last,
            path.upper(),
            path.title(),
            path.replace("e", "\u0435"),
        ]
        for target in spellings:
            if target == path:
                continue  # it has none of the letter that was to be replaced
            answer = get(server, target)
            assert answer.status in (400, 401, 404, 405), target
            if answer.status == 400:
                assert answer.code == "malformed_request"


@pytest.mark.parametrize(
    "target",
    [
        "*",
        "*@evil.example/",
        b"/\xff\xfe",
        b"/\xc3\xa9",
        "/%ff%fe",
        "/%c0%ae%c0%ae/",
        "/%",
        "/%zz",
        "/%u0041",
        "/" + "a" * 30_000,
        "/" + "a/" * 15_000,
        "/" + "%2e%2e%2f" * 3000,
        "/api/web3/log/tile/../../keys.json",
        "/api/web3/log/tile/%2e%2e/%2e%2e/keys.json",
        "/api/web3/log/tile/..%2f..%2fkeys.json",
        "/api/web3/log/tile/0/000.p/0",
        "/api/web3/log/tile/0/000.p/256",
        "/api/web3/log/tile/99999999999999999999/000",
        "/api/web3/log/tile/entries/x999/999",
        "/api/web3/log/tile//etc/passwd",
        "/console/../../../etc/passwd",
        "/console/%2e%2e/pages.py",
        "/console//etc/passwd",
        "/console/js/",
        "/files/01890000-0000-7000-8000-00000000000A",
        "/files/..",
        "//",
        "/.",
        "/..",
        "/\\",
        "/.git/config",
        "/.env",
        "/data/keys.json",
        "/?x\xff",
    ],
    ids=lambda target: repr(target[:40]),
)
def test_what_is_nowhere_is_not_found(server: RunningServer, target: str | bytes) -> None:
    answer = get(server, target)
    assert answer.status in (400, 404)
    assert answer.code in ("not_found", "malformed_request", "tile_not_found", None)


def test_an_absolute_target_is_served_for_its_path_alone(server: RunningServer) -> None:
    for target in ("http://evil.example/health/live", "https://a@b/health/live"):
        assert get(server, target).json() == {"status": "alive"}
    assert get(server, "http://evil.example/api/auth/user").status == 401


@pytest.mark.parametrize("path", ["/", "/docs", "/verify?x=1", "/files/" + ID, "/nowhere"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost.evil.example", "evil.example"])
def test_a_page_under_another_name_is_led_to_its_own(
    server: RunningServer, path: str, host: str
) -> None:
    answer = get(server, path, host=f"{host}:{server.port}")
    assert answer.status == 307
    assert answer.header("location") == f"{server.url}{path}"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "//evil.example/%2f..",
        "///evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "/@evil.example",
        "/.evil.example",
        "/%0d%0aLocation:%20http://evil.example",
        "/%0aSet-Cookie:%20x=y",
        "/?next=http://evil.example",
        "http://evil.example/",
        "http://evil.example//evil.example",
        "http://user:password@evil.example/x",
        "*@evil.example/",
        "*.evil.example/",
        b"/\xe2\x80\xae",
    ],
)
@pytest.mark.parametrize(
    "host", ["evil.example", "", "evil.example\tx", "a b", "@evil.example", "\xff", "x" * 2000]
)
def test_no_redirect_leads_away(server: RunningServer, target: str | bytes, host: str) -> None:
    answer = get(server, target, host=host)
    location = answer.header("location")
    if location is None:
        assert answer.status in (200, 400, 404)
        return
    assert answer.status == 307
    assert location.startswith(f"{server.url}/")
    assert urlsplit(location).netloc == f"localhost:{server.port}"
    assert answer.header("set-cookie") is None


def test_only_reading_a_page_is_redirected(server: RunningServer) -> None:
    for method in ("POST", "DELETE", "OPTIONS"):
        answer = exchange(server.port, request(method, "/", host="evil.example"))
        assert answer.header("location") is None
    assert get(server, "/api/auth/user", host="evil.example").header("location") is None


@pytest.mark.parametrize(
    "spelling",
    [
        "01890000-0000-7000-8000-00000000000A",
        "{01890000-0000-7000-8000-000000000000}",
        "urn:uuid:01890000-0000-7000-8000-000000000000",
        "01890000000070008000000000000000",
        "%30" + ID[1:],
        ID + "%00",
        ID + ".json",
        "..",
        "x" * 5000,
        "1",
        "null",
        "*",
    ],
)
def test_an_id_in_another_spelling_is_none(ada: Person, spelling: str) -> None:
    headers = [("Authorization", f"Bearer {ada.session['access_token']}")]
    for rest in ("", "/content", "/proof"):
        target = f"/api/web3/uploads/{spelling}{rest}"
        answer = exchange(ada.server.port, request("GET", target, headers))
        assert (answer.status, answer.code) == (404, "not_found")
