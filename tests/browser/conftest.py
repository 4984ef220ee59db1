"""A real server and a real Chromium; what a page complains of fails its test."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    sync_playwright,
)

from tests.running_server import PASSWORD, Person, RunningServer

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 860}

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.wider)


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("console")) as server:
        yield server
        assert "a request failed" not in server.log, server.log
        assert "Traceback" not in server.log, server.log


# The package's, not the session's: while it is open, no other event loop can run in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Troubles:
    """What a browser complains of: errors, broken policy. `expected` names words to let pass."""

    seen: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        # A listener from the start: Playwright begins to catch file choosers only with the first
        # one, and a chooser opened by a key in the same moment would slip by.
        page.on("filechooser", lambda _: None)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.seen.append(f"uncaught: {error.stack}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.seen.append(f"{message.text} ({message.location['url']})")

    @property
    def unexpected(self) -> list[str]:
        return [one for one in self.seen if not any(words in one for words in self.expected)]


@pytest.fixture
def troubles() -> Iterator[Troubles]:
    troubles = Troubles()
    yield troubles
    assert troubles.unexpected == []


@pytest.fixture
def open_context(
    browser: Browser, running_server: RunningServer, troubles: Troubles
) -> Iterator[Callable[..., BrowserContext]]:
    """Make browser profiles of their own, each watched for trouble."""
    contexts: list[BrowserContext] = []

    def make(**options: object) -> BrowserContext:
        chosen = {"viewport": WIDE, "base_url": running_server.url, **options}
        context = browser.new_context(**chosen)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        context.on("page", troubles.watch)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_context: Callable[..., BrowserContext]) -> Page:
    return open_context().new_page()


@pytest.fixture
def new_address() -> Callable[[], str]:
    return lambda: f"reader-{next(_numbers)}@example.org"


@pytest.fixture
def somebody(running_server: RunningServer, new_address: Callable[[], str]) -> Iterator[Person]:
    """Somebody with an account, made over HTTP."""
    person = Person(running_server, new_address())
    with person.client:
        yield person.sign_up()


def sign_in(page: Page, person: Person) -> None:
    """Sign in through the form, up to the timeline."""
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Timeline").wait_for()


def upload(page: Page, name: str, content: bytes, media_type: str = "text/plain") -> None:
    """Upload one file with the button, and wait for its line and its place."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files([{"name": name, "mimeType": media_type, "buffer": content}])
    agree_if_asked(page, name)
    line_of(page, name).get_by_text("№").wait_for()


def agree_if_asked(page: Page, name: str) -> None:
    """Agree to publishing, which is asked once; afterwards the upload starts at once."""
    dialog = page.get_by_role("dialog")
    dialog.or_(page.get_by_text(name).first).first.wait_for()
    if dialog.is_visible():
        dialog.get_by_label("I understand").check()
        dialog.get_by_role("button", name="Upload").click()


def line_of(page: Page, name: str) -> Locator:
    """The timeline's line of a file."""
    return page.locator(".entry", has=page.get_by_role("link", name=name, exact=True))
