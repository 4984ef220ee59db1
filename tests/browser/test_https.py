"""The console over https, behind a proxy that ends TLS, with production's settings."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.behind_tls import CLIENT_ADDRESS, BehindTls, behind_tls
from tests.browser.conftest import Troubles, line_of, upload
from tests.browser.test_story import enter_code
from tests.running_server import PASSWORD

REFRESH, DEVICE = "__Host-chronicle_refresh", "__Host-chronicle_device"


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BehindTls]:
    with behind_tls(tmp_path_factory.mktemp("production")) as production:
        yield production


@pytest.fixture
def context(
    production: BehindTls, open_context: Callable[..., BrowserContext], troubles: Troubles
) -> BrowserContext:
    # On a machine's own name the console asks whether there is an outbox. Production has none.
    troubles.expected.append("/api/dev/outbox")
    return open_context(base_url=production.url, ignore_https_errors=True)


def sign_up(page: Page, production: BehindTls, email: str) -> None:
    page.goto("/sign-up")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    enter_code(page, production.code_mailed_to(email))
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()


def value_of(context: BrowserContext, name: str) -> str:
    return next(each["value"] for each in context.cookies() if each["name"] == name)


def test_a_browser_keeps_cookies_that_only_this_host_gets_back(
    production: BehindTls, context: BrowserContext
) -> None:
    page = context.new_page()
    sign_up(page, production, "ada@example.org")
    kept = {each["name"]: each for each in context.cookies()}
    assert set(kept) == {REFRESH, DEVICE}
    for each in kept.values():
        assert (each["secure"], each["httpOnly"], each["sameSite"]) == (True, True, "Strict")
        # A cookie with a Domain would have a dot before it, and go to every host below.
        assert (each["domain"], each["path"]) == ("127.0.0.1", "/")
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("isSecureContext")


def test_a_session_over_https_outlives_reloads_and_ends_when_it_is_told_to(
    production: BehindTls, context: BrowserContext
) -> None:
    page = context.new_page()
    sign_up(page, production, "grace@example.org")
    upload(page, "over-https.txt", b"from a form over https")
    first = value_of(context, REFRESH)
    page.reload()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(line_of(page, "over-https.txt")).to_be_visible()
    assert value_of(context, REFRESH) != first
    page.goto("/account")
    expect(page.get_by_text(CLIENT_ADDRESS).first).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Put it on record.")).to_be_visible()
    assert [each["name"] for each in context.cookies()] == [DEVICE]
    sign_in(page, "grace@example.org")
    assert {each["name"] for each in context.cookies()} == {REFRESH, DEVICE}
