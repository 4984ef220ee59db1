"""The link beside a mailed code, in the browser that asked for it and in another one."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import NARROW, WIDE, Troubles
from tests.browser.test_pages import check_frame
from tests.running_server import PASSWORD, Person, RunningServer, eventually

LINK = re.compile(r"https?://[^/\s]+(/(?:enter|confirm)#token=[\w-]{22})\n")


def mailed_link(person: Person) -> str:
    eventually(person.mails)
    found = LINK.search(person.mails()[0]["text"])
    assert found
    return found[1]


def ask_for_code(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a mailed code").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Mail me a code").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()


def test_the_link_signs_in_the_browser_that_asked_and_no_other(
    open_context: Callable[..., BrowserContext], somebody: Person, troubles: Troubles
) -> None:
    troubles.expected.append("status of 4")
    asking = open_context()
    ask_for_code(asking.new_page(), somebody.email)
    eventually(lambda: len(somebody.mails()) > 1)
    link = mailed_link(somebody)

    stranger = open_context().new_page()
    stranger.goto(link)
    check_frame(stranger, "Sign in")
    expect(stranger.get_by_text("only in the browser in which you asked")).to_be_visible()
    expect(stranger.get_by_role("button", name="Sign in", exact=True)).to_have_count(0)

    tab = asking.new_page()
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(request.url))
    tab.goto(link)
    check_frame(tab, "Sign in")
    assert tab.url.endswith("/enter")
    assert not any("/code/verify" in url for url in sent)
    tab.get_by_role("button", name="Sign in", exact=True).press("Enter")
    tab.get_by_role("heading", name="Timeline").wait_for()
    assert tab.evaluate("localStorage.getItem('chronicle.waiting')") is None

    # Asked for once more, so that there is a ticket: but the old link belongs to another one.
    elsewhere = open_context()
    ask_for_code(elsewhere.new_page(), somebody.email)
    again = elsewhere.new_page()
    again.goto(link)
    again.get_by_role("button", name="Sign in", exact=True).click()
    expect(again.get_by_role("heading", name="This link is no longer good")).to_be_focused()


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_link_finishes_a_sign_up(
    open_context: Callable[..., BrowserContext],
    running_server: RunningServer,
    new_address: Callable[[], str],
    size: dict[str, int],
    scheme: str,
) -> None:
    context = open_context(viewport=size, color_scheme=scheme)
    page, email = context.new_page(), new_address()
    page.goto("/sign-up")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    newcomer = Person(running_server, email)
    with newcomer.client:
        link = mailed_link(newcomer)
    tab = context.new_page()
    tab.goto(link)
    check_frame(tab, "Finish signing up")
    tab.get_by_role("button", name="Create the account").click()
    tab.get_by_role("heading", name="Timeline").wait_for()


def test_somebody_who_asked_twice_gets_in_with_either_link(
    open_context: Callable[..., BrowserContext], somebody: Person, troubles: Troubles
) -> None:
    troubles.expected.append("status of 400")
    context = open_context()
    ask_for_code(context.new_page(), somebody.email)
    eventually(lambda: len(somebody.mails()) > 1)
    first = mailed_link(somebody)
    ask_for_code(context.new_page(), somebody.email)
    tab = context.new_page()
    tab.goto(first)
    tab.get_by_role("button", name="Sign in", exact=True).click()
    tab.get_by_role("heading", name="Timeline").wait_for()
