"""The e-mail address in the console: confirmed, changed after a fresh sign-in, and taken back."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import NARROW, WIDE, Troubles, sign_in
from tests.browser.test_account import happening, mailed_link, sign_in_here
from tests.browser.test_pages import check_frame
from tests.browser.test_story import enter_code, read_code
from tests.mailboxes import code_mailed_to, token_mailed_to
from tests.running_server import PASSWORD, Person, RunningServer, eventually

ANOTHER = "three kettles sing below the stairs"


@pytest.fixture(scope="module")
def immediate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("immediate")
    with RunningServer(folder, CHRONICLE_REGISTRATION="immediate") as server:
        yield server
        assert "a request failed" not in server.log, server.log


def make_sign_ins_older(server: RunningServer) -> None:
    """Let every session have been granted an hour earlier; pages see it when they reload."""
    with closing(sqlite3.connect(server.data_dir / "chronicle.db", timeout=10)) as db, db:
        db.execute("UPDATE sessions SET created_at = created_at - 3600000000")


def ask_for_change(page: Page, email: str) -> None:
    page.goto("/account")
    page.get_by_label("New e-mail address").fill(email)
    page.get_by_role("button", name="Change the address").click()


def test_an_address_is_changed_after_the_password_was_asked_for_again(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected += ["status of 403", "status of 401", "status of 400"]
    new = f"new.{somebody.email}"
    sign_in(page, somebody)
    make_sign_ins_older(somebody.server)
    ask_for_change(page, new)
    dialog = page.get_by_role("dialog", name="Is it still you?")
    password = dialog.get_by_label("Password", exact=True)
    expect(password).to_be_focused()
    password.fill("nobody ever chose these words")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog.get_by_text("This is not your password.")).to_be_visible()
    password.fill(PASSWORD)
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text(new)).to_be_visible()
    code = read_code(page)
    enter_code(page, ("0000" if code[:4] != "0000" else "1111") + code[4:])
    expect(page.get_by_text("That is not the code. 4 guesses left.")).to_be_visible()
    enter_code(page, code)
    expect(page.get_by_role("main").get_by_text("Your address is changed.")).to_be_visible()
    expect(page.locator(".email-now")).to_have_text(f"{new} Confirmed")
    expect(happening(page, "E-mail address changed")).to_be_visible()
    expect(page.get_by_role("link", name=f"Account of {new}")).to_be_visible()
    assert somebody.client.get("/api/auth/user").status_code == 401


def test_the_link_beside_the_code_changes_the_address_in_the_browser_that_asked(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    new = f"new.{somebody.email}"
    sign_in(page, somebody)
    ask_for_change(page, new)
    expect(page.get_by_text(new)).to_be_visible()
    link = f"/address#token={token_mailed_to(somebody, new, 'address')}"
    other = page.context.new_page()
    other.goto(link)
    expect(other.get_by_role("heading", name="Confirm your address")).to_be_visible()
    assert other.url.endswith("/address")
    for width in (NARROW, WIDE):
        other.set_viewport_size(width)
        check_frame(other, "Confirm your address")
    other.get_by_role("button", name="Confirm the address").click()
    expect(other.get_by_role("main").get_by_text("Your address is changed.")).to_be_visible()
    expect(other.locator(".email-now")).to_have_text(f"{new} Confirmed")

    troubles.expected.append("status of 410")
    other.goto(link)
    expect(other.get_by_text("works only in the browser in which you asked")).to_be_visible()


def test_the_link_beside_the_code_waits_for_who_was_signed_out(
    page: Page, somebody: Person
) -> None:
    sign_in(page, somebody)
    new = f"new.{somebody.email}"
    ask_for_change(page, new)
    expect(page.get_by_text(new)).to_be_visible()
    page.goto("/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    page.goto(f"/address#token={token_mailed_to(somebody, new, 'address')}")
    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    page.get_by_label("E-mail address").fill(somebody.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Confirm the address").click()
    expect(page.locator(".email-now")).to_have_text(f"{new} Confirmed")


def test_a_mailed_code_does_in_place_of_the_password(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected.append("status of 403")
    sign_in(page, somebody)
    make_sign_ins_older(somebody.server)
    ask_for_change(page, f"new.{somebody.email}")
    dialog = page.get_by_role("dialog", name="Is it still you?")
    dialog.get_by_role("button", name="Use a mailed code instead").click()
    expect(dialog.get_by_label("Code")).to_be_focused()
    enter_code(page, code_mailed_to(somebody, somebody.email))
    expect(dialog).to_have_count(0)
    enter_code(page, code_mailed_to(somebody, f"new.{somebody.email}"))
    expect(page.get_by_role("main").get_by_text("Your address is changed.")).to_be_visible()


def test_who_declines_changes_nothing(page: Page, somebody: Person, troubles: Troubles) -> None:
    troubles.expected.append("status of 403")
    sign_in(page, somebody)
    make_sign_ins_older(somebody.server)
    ask_for_change(page, f"new.{somebody.email}")
    dialog = page.get_by_role("dialog", name="Is it still you?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("New e-mail address")).to_have_value(f"new.{somebody.email}")
    expect(page.get_by_role("button", name="Change the address")).to_be_enabled()
    page.get_by_role("button", name="Change the address").click()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_who_guesses_in_the_dialog_is_signed_out_with_the_fifth(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected += ["status of 403", "status of 401"]
    sign_in(page, somebody)
    make_sign_ins_older(somebody.server)
    ask_for_change(page, f"new.{somebody.email}")
    dialog = page.get_by_role("dialog", name="Is it still you?")
    for number in range(5):
        dialog.get_by_label("Password", exact=True).fill(f"wrong words, number {number}")
        with page.expect_response("**/reauthenticate") as answer:
            dialog.get_by_role("button", name="Go on").click()
        assert answer.value.status == 401
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(dialog).to_have_count(0)
    sign_in_here(page, somebody, PASSWORD)


def test_who_guesses_codes_in_the_dialog_is_signed_out_with_the_tenth(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected += ["status of 403", "status of 400", "status of 401"]
    sign_in(page, somebody)
    make_sign_ins_older(somebody.server)
    ask_for_change(page, f"new.{somebody.email}")
    dialog = page.get_by_role("dialog", name="Is it still you?")
    for last in ("no guess is left", None):
        dialog.get_by_role("button", name="Use a mailed code instead").click()
        for told in ("4 guesses left", "3 guesses left", "2 guesses left", "1 guess left", last):
            enter_code(page, "0000-0000")
            if told is not None:
                expect(dialog.get_by_text(told)).to_be_visible()
        if last is not None:
            dialog.get_by_role("button", name="Use the password instead").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(dialog).to_have_count(0)
    sign_in_here(page, somebody, PASSWORD)


def test_the_link_to_the_former_address_takes_the_account_back(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected += ["status of 400", "status of 401"]
    sign_in(page, somebody)
    ask_for_change(page, f"thief.{somebody.email}")
    enter_code(page, code_mailed_to(somebody, f"thief.{somebody.email}"))
    expect(page.get_by_role("main").get_by_text("Your address is changed.")).to_be_visible()
    link = mailed_link(somebody, "another address")
    page.goto(link)
    expect(page.get_by_role("heading", name="Bring your address back")).to_be_visible()
    assert page.url.endswith("/undo")
    page.get_by_role("button", name="Bring my address back").click()
    expect(page.locator(".told")).to_contain_text("Your account has its address back")
    page.get_by_label("E-mail address").fill(somebody.email)
    page.get_by_role("button", name="Mail me a code").click()
    code = read_code(page)
    enter_code(page, code)
    page.get_by_label("New password", exact=True).fill(ANOTHER)
    page.get_by_role("button", name="Set the new password").click()
    expect(page.locator(".told")).to_contain_text("Your new password is set")
    sign_in_here(page, somebody, ANOTHER)
    page.goto("/account")
    expect(happening(page, "You brought your address back")).to_be_visible()
    page.goto(link)
    page.get_by_role("button", name="Bring my address back").click()
    expect(page.get_by_role("heading", name="This link is no longer good")).to_be_focused()


def sign_up_at_once(page: Page, email: str) -> None:
    page.goto("/sign-up")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_text("Your account is there.")).to_be_visible()


def test_a_sign_up_at_once_is_confirmed_on_the_same_page(
    open_context: Callable[..., BrowserContext],
    immediate: RunningServer,
    new_address: Callable[[], str],
) -> None:
    page = open_context(base_url=immediate.url).new_page()
    sign_up_at_once(page, new_address())
    enter_code(page, read_code(page))
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()


def test_the_link_of_each_mail_confirms_the_address_of_an_account_that_is_there_already(
    open_context: Callable[..., BrowserContext],
    immediate: RunningServer,
    new_address: Callable[[], str],
) -> None:
    asking = Person(immediate, new_address())
    page = open_context(base_url=immediate.url).new_page()
    page.clock.install()
    sign_up_at_once(page, asking.email)
    first = token_mailed_to(asking, asking.email, "address")
    page.clock.fast_forward("01:01")
    page.get_by_role("button", name="Send a new code").click()
    expect(page.get_by_text("A new code is on its way.")).to_be_visible()
    second = eventually(lambda: {token_mailed_to(asking, asking.email, "address")} - {first}).pop()
    asking.client.close()
    page.goto(f"/address#token={second}")
    page.get_by_role("button", name="Confirm the address").click()
    expect(page.locator(".email-now")).to_have_text(f"{asking.email} Confirmed")


def test_an_address_can_be_confirmed_later_and_nothing_is_uploaded_before(
    open_context: Callable[..., BrowserContext],
    immediate: RunningServer,
    new_address: Callable[[], str],
) -> None:
    page = open_context(base_url=immediate.url).new_page()
    sign_up_at_once(page, new_address())
    page.get_by_role("button", name="Do this later").click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(page.get_by_role("button", name="Choose files")).to_have_count(0)
    page.get_by_role("link", name="Confirm your address").click()
    expect(page.locator(".email-now")).to_contain_text("Not confirmed")
    page.get_by_role("button", name="Mail me a code").click()
    enter_code(page, read_code(page))
    expect(page.get_by_role("main").get_by_text("Your address is confirmed.")).to_be_visible()
    expect(happening(page, "E-mail address confirmed")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_none_of_these_pages_is_wider_than_its_window(
    open_context: Callable[..., BrowserContext],
    immediate: RunningServer,
    new_address: Callable[[], str],
    troubles: Troubles,
    size: dict[str, int],
    scheme: str,
) -> None:
    troubles.expected.append("status of 403")
    page = open_context(base_url=immediate.url, viewport=size, color_scheme=scheme).new_page()
    page.goto("/undo#token=a")
    check_frame(page, "Bring your address back")
    sign_up_at_once(page, f"an-unbroken-name-that-goes-on-and-on-{new_address()}")
    check_frame(page, "Check your mail")
    page.get_by_role("button", name="Do this later").click()
    check_frame(page, "Timeline")
    page.goto("/account")
    check_frame(page, "Account")
    page.get_by_role("button", name="Mail me a code").click()
    page.get_by_label("Code").wait_for()
    check_frame(page, "Account")
    make_sign_ins_older(immediate)
    ask_for_change(page, new_address())
    page.get_by_role("dialog", name="Is it still you?").wait_for()
    check_frame_behind_dialog(page)


def check_frame_behind_dialog(page: Page) -> None:
    wider = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wider <= 0
