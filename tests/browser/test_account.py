"""What an account's owner does in the console: passwords, devices, history, and mailed links."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import NARROW, WIDE, Troubles, sign_in
from tests.browser.test_pages import check_frame
from tests.browser.test_story import enter_code, read_code, tab_to
from tests.places import LYON, TOKYO, write_places
from tests.running_server import PASSWORD, Person, RunningServer, eventually, signed_up

ANOTHER = "three kettles sing below the stairs"
ONE_MORE = "five umbrellas under the old bridge"
WRONG = "nobody ever chose these words"
LINK = re.compile(r"https?://[^/\s]+(/\w+#token=[\w-]+)")


def test_a_forgotten_password_is_set_anew_with_the_mailed_code(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected.append("status of 400")
    page.goto("/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    page.get_by_label("E-mail address").fill(somebody.email)
    page.get_by_role("button", name="Mail me a code").click()
    code = read_code(page)
    enter_code(page, ("0000" if code[:4] != "0000" else "1111") + code[4:])
    page.get_by_label("New password", exact=True).fill(ANOTHER)
    page.get_by_role("button", name="Set the new password").click()
    expect(page.get_by_text("That is not the code. 4 guesses left.")).to_be_visible()
    enter_code(page, code)
    page.get_by_role("button", name="Set the new password").click()
    expect(page.locator(".told")).to_contain_text("Your new password is set")
    sign_in_here(page, somebody, ANOTHER)


def test_the_mailed_link_sets_a_new_password_once_and_leaves_no_token_behind(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected.append("status of 400")
    somebody.client.post("/api/auth/password/forgot", json={"email": somebody.email})
    link = mailed_link(somebody, "new password")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.goto(link)
    expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    assert page.url.endswith("/reset")
    assert page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})") == "{}"
    assert not any("/password/reset" in url for url in sent)
    page.get_by_label("New password", exact=True).fill(ANOTHER)
    page.get_by_role("button", name="Set the new password").click()
    expect(page.locator(".told")).to_contain_text("Your new password is set")
    sign_in_here(page, somebody, ANOTHER)

    page.goto(link)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set the new password").click()
    expect(page.get_by_role("heading", name="This link is no longer good")).to_be_focused()
    page.get_by_role("link", name="Ask for a new mail").click()
    expect(page.get_by_role("button", name="Mail me a code")).to_be_visible()


def test_a_link_that_is_opened_over_another_takes_its_place(page: Page, somebody: Person) -> None:
    page.goto("/reset#token=AAAAAAAAAAAAAAAAAAAAAA")
    expect(page.get_by_label("New password", exact=True)).to_be_visible()
    somebody.client.post("/api/auth/password/forgot", json={"email": somebody.email})
    link = mailed_link(somebody, "new password")
    page.evaluate("link => { location.href = link; }", link)
    expect(page).to_have_url(re.compile("/reset$"))
    page.get_by_label("New password", exact=True).fill(ANOTHER)
    page.get_by_role("button", name="Set the new password").click()
    expect(page.locator(".told")).to_contain_text("Your new password is set")


def test_a_mailed_code_signs_in_without_a_password_and_without_a_mouse(
    page: Page, somebody: Person
) -> None:
    page.goto("/sign-in")
    page.get_by_role("heading", name="Sign in").wait_for()
    tab_to(page, "Sign in with a mailed code")
    page.keyboard.press("Enter")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(somebody.email)
    page.keyboard.press("Enter")
    code = read_code(page)
    page.keyboard.type(code)
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    page.goto("/account")
    expect(happening(page, "Signed in with a mailed code")).to_be_visible()


def test_a_changed_password_holds_and_a_wrong_current_one_is_asked_about_once(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected.append("status of 401")
    sign_in(page, somebody)
    page.goto("/account")
    page.get_by_label("New password", exact=True).fill(ANOTHER)
    current = page.get_by_label("Current password", exact=True)
    current.fill(WRONG)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("This is not your current password.")).to_be_visible()
    expect(current).to_be_focused()
    current.fill(PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    expect(current).to_have_value("")
    expect(happening(page, "Password changed")).to_have_count(1)
    expect(happening(page, "Change of the password refused")).to_have_count(1)
    expect(page.locator(".device")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    assert somebody.client.get("/api/auth/user").status_code == 401
    somebody.sign_in_with(ANOTHER)


def test_a_password_that_is_refused_says_why_beside_its_field(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected.append("status of 422")
    sign_in(page, somebody)
    page.goto("/account")
    page.get_by_label("Current password", exact=True).fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("correct horse battery staple")
    page.get_by_role("button", name="Change the password").click()
    words = page.locator(".field-error", has_text="It is a phrase that everybody knows")
    expect(words).to_be_visible()
    expect(page.get_by_label("New password", exact=True)).to_be_focused()


def test_another_device_is_listed_and_signed_out(page: Page, somebody: Person) -> None:
    sign_in(page, somebody)
    page.goto("/account")
    lines = page.locator(".device")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("This device")
    lines.nth(1).get_by_role("button", name=re.compile("^Sign out")).click()
    expect(lines).to_have_count(1)
    expect(lines.first).to_contain_text("This device")
    assert somebody.client.get("/api/auth/user").status_code == 401


def test_signing_out_all_others_asks_first_and_this_one_goes_on(
    page: Page, somebody: Person
) -> None:
    somebody.sign_in()
    sign_in(page, somebody)
    page.goto("/account")
    lines = page.locator(".device")
    expect(lines).to_have_count(3)
    page.get_by_role("button", name="Sign out all others").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert somebody.client.get("/api/auth/user").status_code == 200
    page.get_by_role("button", name="Sign out all others").click()
    dialog.get_by_role("button", name="Sign out all others").click()
    expect(lines).to_have_count(1)
    expect(lines.first).to_contain_text("This device")
    assert somebody.client.get("/api/auth/user").status_code == 401
    page.reload()
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()


def test_known_devices_are_listed_and_forgotten(page: Page, somebody: Person) -> None:
    with somebody.server.client() as other:
        body = {"email": somebody.email, "password": PASSWORD}
        other.post("/api/auth/login", json=body, headers={"User-Agent": "curl/8.0"})
    sign_in(page, somebody)
    page.goto("/account")
    lines = page.locator(".known")
    expect(lines).to_have_count(2)
    expect(lines.first).to_contain_text("This browser")
    lines.nth(1).get_by_role("button", name="Forget curl").click()
    expect(lines).to_have_count(1)
    lines.first.get_by_role("button", name=re.compile("^Forget Chrome")).click()
    expect(page.get_by_text("No browser is known.")).to_be_visible()
    expect(page.locator(".device").first).to_contain_text("This device")


def test_older_devices_come_when_they_are_asked_for(page: Page, somebody: Person) -> None:
    for _ in range(51):
        somebody.sign_in()
    sign_in(page, somebody)
    page.goto("/account")
    lines = page.locator(".device")
    expect(lines).to_have_count(5)
    page.get_by_role("button", name="Show the newest 50").click()
    expect(lines).to_have_count(50)
    expect(lines.nth(5).get_by_role("button")).to_be_focused()
    page.get_by_role("button", name="Show older devices").click()
    expect(lines).to_have_count(53)
    expect(lines.nth(50).get_by_role("button")).to_be_focused()
    expect(page.get_by_role("button", name="Show older devices")).to_have_count(0)
    expect(lines.first).to_contain_text("This device")


def test_the_history_shows_the_places_as_bars_with_their_numbers(
    tmp_path: Path, open_context: Callable[..., BrowserContext]
) -> None:
    settings = {
        "CHRONICLE_GEOIP_FILE": str(write_places(tmp_path / "places.mmdb")),
        "CHRONICLE_TRUSTED_PROXIES": "127.0.0.1",
    }
    with (
        RunningServer(tmp_path, **settings) as server,
        signed_up(server, "traveller@example.org") as ada,
    ):
        for address, agent in ((LYON, "curl/8.0"), (LYON, "curl/8.0"), (TOKYO, "Wget/1.25")):
            ada.client.headers["X-Forwarded-For"] = address
            ada.client.headers["User-Agent"] = agent
            ada.sign_in()
        guess(ada, WRONG)
        page = open_context(base_url=server.url).new_page()
        sign_in(page, ada)
        page.goto("/account")
        bars = page.locator(".place-bar")
        expect(bars).to_have_count(3)
        expect(bars.nth(0)).to_contain_text("Place not known")
        expect(bars.nth(0)).to_contain_text("2 granted1 refused")
        expect(bars.nth(1)).to_contain_text("Lyon, France")
        expect(bars.nth(1)).to_contain_text("2 granted")
        expect(bars.nth(2)).to_contain_text("Tokyo, Japan")
        expect(page.locator(".device", has_text="Tokyo, Japan")).to_have_count(1)
        strange = happening(page, "Signed in with the password").filter(has_text="nusual: ")
        expect(strange).to_have_count(3)
        expect(strange.nth(1)).to_contain_text(
            "Very unusual: new device, new network, a country not seen lately. If this was not"
        )
        expect(strange.nth(2)).to_contain_text("Unusual: new device")
        expect(happening(page, "Sign-in refused")).not_to_contain_text("nusual")
        usual = page.locator(".happening", has_text="with the password and a mailed code")
        expect(usual).not_to_contain_text("nusual")
        check_frame(page, "Account")


def test_signing_out_ends_the_session_also_when_it_can_not_be_renewed(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected += ["status of 503", "status of 401"]
    page.clock.install()
    sign_in(page, somebody)
    page.goto("/account")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    asked = re.compile("/api/auth/(refresh|logout)$")
    page.route(asked, lambda route: route.fulfill(status=503, json={"title": "Not available"}))
    page.clock.fast_forward("11:00")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Not available")).to_be_visible()
    assert cookies(page)
    page.unroute(asked)
    # As the server answers when the access token is over; the cookie goes along all the same.
    page.route(asked, lambda route: route.fulfill(status=401, json={}), times=1)
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert not cookies(page)
    left = somebody.client.get("/api/auth/sessions").json()["items"]
    assert [item["current"] for item in left] == [True]


def cookies(page: Page) -> list[str]:
    """The cookies that stand for a session."""
    return [each["name"] for each in page.context.cookies() if "refresh" in each["name"]]


def test_signing_out_everywhere_asks_first_and_ends_every_session(
    page: Page, somebody: Person
) -> None:
    sign_in(page, somebody)
    page.goto("/account")
    page.get_by_role("button", name="Sign out everywhere").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert somebody.client.get("/api/auth/user").status_code == 200
    page.get_by_role("button", name="Sign out everywhere").click()
    dialog.get_by_role("button", name="Sign out everywhere").click()
    expect(page.locator(".told")).to_contain_text("You are signed out on every device.")
    assert somebody.client.get("/api/auth/user").status_code == 401


@pytest.fixture
def on_one_day() -> None:
    """Wait where the day is about to end: what happens now is to be of one day."""
    eventually(lambda: datetime.now().strftime("%H:%M") != "23:59", within_seconds=90)


@pytest.mark.usefixtures("on_one_day")
def test_the_history_shows_what_was_granted_and_what_was_refused(
    page: Page, somebody: Person
) -> None:
    guess(somebody, WRONG)
    sign_in(page, somebody)
    page.goto("/account")
    expect(happening(page, "Sign-in refused")).to_contain_text("The password was wrong.")
    expect(happening(page, "Signed in with the password").first).to_contain_text("Chrome on Linux")
    picture = page.get_by_role("img", name=re.compile("Sign-ins of the last 12 weeks"))
    told = picture.get_attribute("aria-label")
    assert told
    assert told.endswith("2 granted on 1 day, 1 refused on 1 day.")
    expect(picture.locator("circle")).to_have_count(1)
    expect(picture.locator("path")).to_have_count(1)
    page.get_by_text("The same as a table").click()
    expect(page.locator(".activity-table td")).to_have_text(["2", "1"])
    expect(page.locator(".place")).to_have_count(2)


def test_the_history_goes_on_where_a_page_ends(page: Page, somebody: Person) -> None:
    for _ in range(10):
        somebody.sign_in()
    sign_in(page, somebody)
    page.goto("/account")
    lines = page.locator(".happening")
    expect(lines).to_have_count(10)
    page.get_by_role("button", name="Show older events").click()
    expect(lines).to_have_count(12)
    expect(lines.last).to_contain_text("Signed in with the password and a mailed code")
    expect(page.get_by_text("This is where your history begins.")).to_be_visible()


def test_a_report_from_a_mail_signs_everybody_out_and_leads_to_a_new_password(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected += ["status of 401", "status of 400"]
    change_password(somebody)
    link = mailed_link(somebody, "was changed")
    sign_in_here(page, somebody, ANOTHER)
    page.goto(link)
    expect(page.get_by_role("heading", name="This wasn\u2019t you?")).to_be_visible()
    assert page.url.endswith("/report")
    assert somebody.client.get("/api/auth/user").status_code == 200
    page.get_by_role("button", name="sign everybody out").click()
    expect(page.locator(".told")).to_contain_text("Everybody is signed out")
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    assert somebody.client.get("/api/auth/user").status_code == 401
    assert guess(somebody, ANOTHER) == 401

    expect(page.locator(".told")).to_contain_text("The link in our newest mail")

    page.goto(link)
    page.get_by_role("button", name="sign everybody out").click()
    expect(page.get_by_role("heading", name="This link is no longer good")).to_be_focused()

    page.goto(mailed_link(somebody, "Everybody was signed out"))
    page.get_by_label("New password", exact=True).fill(ONE_MORE)
    page.get_by_role("button", name="Set the new password").click()
    expect(page.locator(".told")).to_contain_text("Your new password is set")
    sign_in_here(page, somebody, ONE_MORE)


def test_a_pause_is_told_with_its_time_and_ended_by_mail(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected += ["status of 401", "status of 429"]
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(somebody.email)
    page.get_by_label("Password", exact=True).fill(WRONG)
    alert = page.get_by_role("alert")
    for _ in range(5):
        guess(somebody, WRONG)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(alert).to_contain_text("there is a pause")
    expect(alert).to_contain_text(re.compile(r"Try again in \d:\d\d\."))
    expect(alert.get_by_role("button", name="sign in with a mailed code")).to_be_visible()

    mailed_link(somebody, "paused")
    page.goto("/outbox")
    page.get_by_role("link", name="Open the link in this mail").first.click()
    expect(page).to_have_url(re.compile("/unlock$"))
    page.get_by_role("button", name="End the pause").click()
    expect(page.locator(".told")).to_contain_text("The pause is over.")
    sign_in_here(page, somebody, PASSWORD)


@pytest.mark.parametrize("path", ["/reset", "/report", "/unlock", "/undo"])
def test_a_page_of_a_mailed_link_without_its_token_offers_no_button(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.get_by_role("heading", name="Open the link in your mail")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_none_of_these_pages_is_wider_than_its_window(
    open_context: Callable[..., BrowserContext],
    somebody: Person,
    size: dict[str, int],
    scheme: str,
) -> None:
    guess(somebody, WRONG)
    page = open_context(viewport=size, color_scheme=scheme).new_page()
    for path, heading in (
        ("/forgot", "Choose a new password"),
        ("/reset#token=a", "Choose a new password"),
        ("/report#token=a", "This wasn\u2019t you?"),
        ("/unlock#token=a", "End the pause"),
    ):
        page.goto(path)
        check_frame(page, heading)
    sign_in(page, somebody)
    page.goto("/account")
    happening(page, "Sign-in refused").wait_for()
    page.get_by_text("The same as a table").click()
    check_frame(page, "Account")


def sign_in_here(page: Page, person: Person, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()


def happening(page: Page, title: str) -> Locator:
    """The lines of the history with this title."""
    return page.locator(".happening", has=page.get_by_text(title, exact=True))


def guess(person: Person, password: str) -> int:
    """Try a password over HTTP, as somebody who is not signed in; the status of the answer."""
    with person.server.client() as client:
        body = {"email": person.email, "password": password, "token_transport": "body"}
        return client.post("/api/auth/login", json=body).status_code


def change_password(person: Person) -> None:
    body = {"password": PASSWORD, "new_password": ANOTHER}
    answer = person.client.post("/api/auth/password/change", json=body)
    assert answer.status_code == 204, answer.text


def mailed_link(person: Person, subject: str) -> str:
    """The path and token of the link in the newest mail with these words in its subject."""

    def newest() -> str | None:
        texts = [mail["text"] for mail in person.mails() if subject in mail["subject"]]
        found = LINK.search(texts[0]) if texts else None
        return found[1] if found else None

    link = eventually(newest)
    assert link is not None
    return link
