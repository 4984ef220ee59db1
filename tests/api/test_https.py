"""Behind a proxy that ends TLS: cookies that only this host can have set, and nothing but https."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.behind_tls import CLIENT_ADDRESS, BehindTls, behind_tls
from tests.running_server import NO_AUTHORITIES, PASSWORD, Person

REFRESH, DEVICE = "__Host-chronicle_refresh", "__Host-chronicle_device"


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BehindTls]:
    with behind_tls(tmp_path_factory.mktemp("production")) as production:
        yield production


@pytest.fixture
def browser(production: BehindTls) -> Iterator[httpx2.Client]:
    with production.client() as client:
        yield client


def cookies_set_by(answer: httpx2.Response) -> dict[str, set[str]]:
    """The attributes of each cookie, in lower case, but for its value and its time to live."""
    found = {}
    for cookie in answer.headers.get_list("set-cookie"):
        pair, *attributes = (part.strip() for part in cookie.split(";"))
        short = {part.lower() for part in attributes if not part.lower().startswith("max-age=")}
        found[pair.partition("=")[0]] = short
    return found


def test_over_https_every_cookie_belongs_to_this_host_alone(
    production: BehindTls, browser: httpx2.Client
) -> None:
    strict = {"path=/", "secure", "httponly", "samesite=strict"}
    expected = {REFRESH: strict, DEVICE: strict}
    assert cookies_set_by(production.sign_up(browser, "ada@example.org")) == expected
    body = {"email": "ada@example.org", "password": PASSWORD}
    again = browser.post("/api/auth/login", json=body)
    assert again.status_code == 200
    assert cookies_set_by(again) == expected
    assert "refresh_token" not in again.json()


def test_over_https_a_session_is_carried_on_and_ended_by_its_cookie(
    production: BehindTls, browser: httpx2.Client
) -> None:
    production.sign_up(browser, "grace@example.org")
    first = browser.cookies[REFRESH]
    carried_on = browser.post("/api/auth/refresh")
    assert carried_on.status_code == 200
    assert browser.cookies[REFRESH] != first
    token = {"Authorization": f"Bearer {carried_on.json()['access_token']}"}
    (session,) = browser.get("/api/auth/sessions", headers=token).json()["items"]
    assert session["ip"] == CLIENT_ADDRESS
    assert browser.post("/api/auth/logout").status_code == 204
    assert REFRESH not in browser.cookies
    assert browser.post("/api/auth/refresh").status_code == 401


@pytest.mark.parametrize("name", ["chronicle_refresh", "__Secure-chronicle_refresh"])
def test_over_https_a_cookie_that_another_host_could_plant_is_none(
    production: BehindTls, browser: httpx2.Client, name: str
) -> None:
    email = f"{name.strip('_').lower()}@example.org"
    production.sign_up(browser, email)
    planted = {"Cookie": f"{name}={browser.cookies[REFRESH]}"}
    with production.client() as other:
        assert other.post("/api/auth/refresh", headers=planted).status_code == 401


def test_over_https_a_page_of_the_same_host_over_http_is_another_origin(
    production: BehindTls, browser: httpx2.Client
) -> None:
    production.sign_up(browser, "mary@example.org")
    other = {"Origin": production.url.replace("https:", "http:")}
    answer = browser.post("/api/auth/refresh", headers=other)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/console/js/main.mjs", "/health/live", "/api/auth/user", "/nowhere"]
)
def test_over_https_every_answer_says_that_it_is_https_from_now_on(
    browser: httpx2.Client, path: str
) -> None:
    said = browser.get(path).headers["strict-transport-security"]
    assert said == "max-age=63072000; includeSubDomains"


def test_over_http_no_cookie_claims_what_only_https_can_give(ada: Person) -> None:
    with ada.server.client() as client:
        body = {"email": ada.email, "password": PASSWORD}
        answer = client.post("/api/auth/login", json=body)
        own = {"path=/", "httponly", "samesite=strict"}
        assert cookies_set_by(answer) == {"chronicle_refresh": own, "chronicle_device": own}
        assert "strict-transport-security" not in answer.headers
        planted = {"Cookie": f"{REFRESH}={client.cookies['chronicle_refresh']}"}
    refused = httpx2.post(
        f"{ada.server.url}/api/auth/refresh", headers=planted, verify=NO_AUTHORITIES
    )
    assert refused.status_code == 401
