"""Every page, narrow and wide, light and dark; and what a session and an upload do in a browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import (
    NARROW,
    WIDE,
    Troubles,
    agree_if_asked,
    line_of,
    sign_in,
    upload,
)
from tests.running_server import PASSWORD, Person, RunningServer

PAGES = {
    "/": "Timeline",
    "/verify": "Check a proof",
    "/account": "Account",
    "/outbox": "Outbox",
    "/mails": "Mails",
    "/docs": "API reference",
    "/nowhere": "There is no such page",
}
LONG_NAME = "an-unbroken-name-that-goes-on-and-on-" * 5 + ".txt"


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_its_window_or_lacks_its_landmarks(
    open_context: Callable[..., BrowserContext],
    somebody: Person,
    troubles: Troubles,
    size: dict[str, int],
    scheme: str,
) -> None:
    troubles.expected.append("404 (Not Found)")
    page = open_context(viewport=size, color_scheme=scheme).new_page()
    for path, heading in (("/", "Put it on record."), ("/sign-up", "Create an account")):
        page.goto(path)
        check_frame(page, heading)
    sign_in(page, somebody)
    upload(page, LONG_NAME, b"a long name")
    for path, heading in PAGES.items():
        page.goto(path)
        check_frame(page, heading)
    page.goto("/")
    page.get_by_role("link", name=LONG_NAME).click()
    page.get_by_role("button", name="Verify now").click()
    page.get_by_role("heading", name="Proven").wait_for()
    check_frame(page, LONG_NAME)


def check_frame(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", level=1, name=heading, exact=True)).to_be_visible()
    for landmark in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.wait_for_load_state("networkidle")
    wider = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wider <= 0, f"{page.url} is {wider} px wider than its window"
    unnamed = page.evaluate(_UNNAMED)
    assert unnamed == [], f"{page.url} has controls without a name"


# Controls that nobody who listens could tell apart.
_UNNAMED = """() => [...document.querySelectorAll("a[href], button, input, textarea, select")]
  .filter((one) => one.checkVisibility() && one.getAttribute("aria-hidden") !== "true")
  .filter((one) => !(one.labels?.length || one.ariaLabel || one.textContent.trim()))
  .map((one) => one.outerHTML)"""


def test_a_session_outlives_a_reload_and_ends_in_every_tab(
    open_context: Callable[..., BrowserContext], somebody: Person
) -> None:
    context = open_context()
    one = context.new_page()
    sign_in(one, somebody)
    other = context.new_page()
    other.goto("/")
    expect(other.get_by_role("heading", name="Timeline")).to_be_visible()
    one.reload()
    expect(one.get_by_role("heading", name="Timeline")).to_be_visible()
    one.goto("/account")
    one.get_by_role("button", name="Sign out", exact=True).click()
    expect(one.get_by_role("heading", name="Put it on record.")).to_be_visible()
    expect(other.get_by_role("heading", name="Put it on record.")).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Put it on record.")).to_be_visible()


def test_tabs_that_reload_together_stay_signed_in(
    open_context: Callable[..., BrowserContext], somebody: Person
) -> None:
    context = open_context()
    first = context.new_page()
    sign_in(first, somebody)
    tabs = [first, *(context.new_page() for _ in range(3))]
    for tab in tabs:
        tab.goto("/verify")
    for _ in range(2):
        for tab in tabs:
            tab.evaluate("setTimeout(() => location.reload())")
        for tab in tabs:
            expect(tab.get_by_role("link", name=f"Account of {somebody.email}")).to_be_visible()


def test_no_token_is_left_where_scripts_or_disks_can_find_it(page: Page, somebody: Person) -> None:
    sign_in(page, somebody)
    kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage}) + document.cookie")
    assert "eyJ" not in kept
    assert "refresh" not in kept


def test_a_page_that_needs_an_account_leads_through_sign_in_and_back(
    page: Page, somebody: Person
) -> None:
    page.goto("/account")
    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    page.get_by_label("E-mail address").fill(somebody.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Account")).to_be_visible()
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("Time zone").fill("Europe/London")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Name")).to_have_value("Ada Lovelace")
    expect(page.get_by_role("link", name="Account of Ada Lovelace")).to_be_visible()


def test_a_wrong_password_is_told_in_words(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected.append("status of 401")
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(somebody.email)
    page.get_by_label("Password", exact=True).fill("another password altogether")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="password")).to_be_visible()


def test_files_dropped_anywhere_are_uploaded_together(page: Page, somebody: Person) -> None:
    sign_in(page, somebody)
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["one"], "one.txt", {type: "text/plain"}));
          data.items.add(new File(["two"], "two.txt", {type: "text/plain"}));
          const options = {dataTransfer: data, bubbles: true, cancelable: true};
          for (const type of ["dragenter", "dragover", "drop"])
            document.querySelector("footer").dispatchEvent(new DragEvent(type, options));
        }"""
    )
    expect(page.get_by_role("heading", name="Public means public for good")).to_be_visible()
    expect(page.get_by_role("button", name="Upload 2 files in public")).to_be_disabled()
    agree_if_asked(page, "one.txt")
    for name in ("one.txt", "two.txt"):
        line_of(page, name).get_by_text("№").wait_for()


def test_nothing_leaves_the_browser_before_public_was_agreed_to(
    page: Page, somebody: Person
) -> None:
    sign_in(page, somebody)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files([{"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"}])
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
    assert "POST" not in sent


def test_an_upload_shows_its_progress_and_can_be_stopped(page: Page, somebody: Person) -> None:
    sign_in(page, somebody)
    slow = page.context.new_cdp_session(page)
    slow.send("Network.enable")
    slow.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": 400_000,
        },
    )
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(
        [{"name": "slow.bin", "mimeType": "", "buffer": bytes(20_000_000)}],
    )
    agree_if_asked(page, "slow.bin")
    bar = page.get_by_role("progressbar", name="Upload of slow.bin")
    expect(bar).to_be_visible()
    expect(page.locator(".queue-state")).to_contain_text("/s")
    expect(page.locator(".queue-state")).to_contain_text("left")
    page.get_by_role("button", name="Cancel slow.bin").click()
    expect(page.get_by_text("Cancelled. Nothing of it was kept.")).to_be_visible()
    page.get_by_role("button", name="Dismiss slow.bin").click()
    expect(bar).to_have_count(0)
    assert somebody.client.get("/api/web3/uploads").json()["items"] == []


def test_the_timeline_goes_on_where_a_page_ends(page: Page, somebody: Person) -> None:
    for number in range(23):
        answer = somebody.client.post(
            "/api/web3/uploads",
            params={"visibility": "public", "name": f"file-{number}.txt"},
            content=str(number).encode(),
            headers={"Content-Type": "text/plain"},
        )
        assert answer.status_code == 201
    sign_in(page, somebody)
    lines = page.locator(".entry-name")
    expect(lines).to_have_count(20)
    expect(lines.first).to_have_text("file-22.txt")
    page.get_by_role("button", name="Show older uploads").click()
    expect(lines).to_have_count(23)
    expect(lines.last).to_have_text("file-0.txt")
    expect(page.get_by_text("This is where your record begins.")).to_be_visible()


def test_the_reference_lists_every_call_of_the_document(
    page: Page, running_server: RunningServer
) -> None:
    with running_server.client() as client:
        document = client.get("/openapi.json").json()
    calls = [(m.upper(), path) for path, item in document["paths"].items() for m in item]
    page.goto("/docs")
    expect(page.get_by_role("article")).to_have_count(len(calls))
    for method, path in calls:
        expect(
            page.get_by_role("heading", level=3, name=f"{method} {path}", exact=True)
        ).to_have_count(1)
    # Names of code are set as code, and not between backquotes.
    assert "`" not in page.get_by_role("main").inner_text()
    expect(
        page.get_by_role("main").locator("p code", has_text="Idempotency-Key").first
    ).to_be_attached()
    page.get_by_role("searchbox").fill("post uploads")
    expect(page.get_by_role("article")).to_have_count(1)


def test_the_reference_says_by_which_credential_a_call_is_made(page: Page) -> None:
    page.goto("/docs")
    for heading, needs, sent in (
        ("POST /api/auth/introspect", "Needs a service key", "Bearer $SERVICE_KEY"),
        ("POST /api/auth/token", "Needs an access token", "Bearer $TOKEN"),
    ):
        call = page.get_by_role("article", name=heading, exact=True)
        expect(call.get_by_text(needs)).to_be_attached()
        expect(call.get_by_label("Example")).to_contain_text(sent)
        expect(call.get_by_label("Example")).to_contain_text("application/json")
    anybody = page.get_by_role("article", name="POST /api/auth/login", exact=True)
    expect(anybody.get_by_label("Example")).not_to_contain_text("Bearer")


def test_a_chosen_theme_is_remembered(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Use the dark theme").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == dark
    page.get_by_role("button", name="Use the light theme").click()
    assert page.evaluate(paper) == light


def test_an_address_that_shows_nothing_says_so_with_status_404(
    page: Page, troubles: Troubles
) -> None:
    troubles.expected.append("404 (Not Found)")
    answer = page.goto("/no/such/page")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
