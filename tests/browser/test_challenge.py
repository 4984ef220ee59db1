"""A server that always demands a challenge: the console solves it, and says that it does."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import NARROW, WIDE, Troubles
from tests.browser.test_pages import check_frame
from tests.browser.test_story import enter_code, read_code
from tests.running_server import PASSWORD, RunningServer

# Each refusal without a solution is an answer of 403, which Chromium notes.
REFUSED = "status of 403"
WORDS = "Proving that this is a browser"


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(
        tmp_path_factory.mktemp("demanding"), CHRONICLE_CHALLENGE="always"
    ) as server:
        yield server
        assert "a request failed" not in server.log, server.log


@pytest.fixture
def open_page(
    browser: Browser, demanding: RunningServer, troubles: Troubles
) -> Iterator[Callable[..., Page]]:
    troubles.expected.append(REFUSED)
    contexts: list[BrowserContext] = []

    def make(**options: object) -> Page:
        context = browser.new_context(
            **{"viewport": WIDE, "base_url": demanding.url, **options}  # type: ignore[arg-type]
        )
        context.set_default_timeout(30_000)
        context.on("page", troubles.watch)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def ask_for_code(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a mailed code").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Mail me a code").click()


def test_a_newcomer_signs_up_and_in_again_while_a_challenge_is_demanded(
    open_page: Callable[..., Page], new_address: Callable[[], str]
) -> None:
    page, email = open_page(), new_address()
    page.goto("/sign-up")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible(timeout=30_000)
    expect(page.locator(".proof-at-work")).to_have_count(0)
    enter_code(page, read_code(page))
    page.get_by_role("heading", name="Timeline").wait_for()

    elsewhere = open_page(viewport=NARROW)
    elsewhere.goto("/sign-in")
    elsewhere.get_by_label("E-mail address").fill(email)
    elsewhere.get_by_label("Password", exact=True).fill(PASSWORD)
    elsewhere.get_by_role("button", name="Sign in", exact=True).click()
    elsewhere.get_by_role("heading", name="Timeline").wait_for()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_work_is_shown_and_told_and_the_page_stays_usable(
    open_page: Callable[..., Page], size: dict[str, int], scheme: str
) -> None:
    page = open_page(viewport=size, color_scheme=scheme)
    hold_the_worker(page)
    ask_for_code(page, "nobody@example.org")
    shown = page.locator(".proof-at-work")
    expect(shown).to_contain_text(WORDS)
    bar = page.get_by_role("progressbar", name=WORDS)
    expect(bar).to_have_attribute("value", "400000")
    expect(page.locator("#announcer")).to_contain_text(WORDS)
    expect(page.get_by_role("button", name="Mail me a code")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("button", name="Mail me a code")).to_be_focused()
    check_frame(page, "Sign in with a code")
    page.evaluate("finish()")
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible(timeout=30_000)
    expect(shown).to_have_count(0)


def test_leaving_the_page_is_no_trouble_and_what_is_refused_is_said(
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    page.route(
        re.compile("/api/auth/login/code$"),
        lambda route: route.fulfill(
            status=403,
            content_type="application/problem+json",
            body='{"code": "challenge_invalid", "detail": "No."}',
        ),
    )
    ask_for_code(page, "nobody@example.org")
    told = page.get_by_role("alert")
    expect(told).to_contain_text(re.compile("did not take this browser.s proof"), timeout=60_000)
    expect(page.locator(".proof-at-work")).to_have_count(0)


def hold_the_worker(page: Page) -> None:
    """Have the worker's last word wait for `finish()`, with the bar at 400,000."""
    page.add_init_script("""
      const Real = Worker;
      globalThis.Worker = class extends Real {
        postMessage(task) {
          const data = { tried: 400000 };
          this.dispatchEvent(new MessageEvent("message", { data }));
          globalThis.finish = () => super.postMessage(task);
        }
      };
    """)
