"""What the sign-up form says of a password while it is typed, and what the server says of it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Troubles
from tests.running_server import PASSWORD


def test_a_password_is_judged_while_it_is_typed_in_words_and_aloud(
    page: Page, new_address: Callable[[], str]
) -> None:
    page.goto("/sign-up")
    page.get_by_label("E-mail address").fill("quolbrandt@example.org")
    password = page.get_by_label("Password", exact=True)
    hint = page.locator(".field-hint", has_text="character")
    bar = page.locator(".strength")
    for typed, words, level in (
        ("aaaaaaaaaaaa", "3 characters to go, of at least 15.", None),
        ("aaaaaaaaaaaaaaa", "15 characters. Very easy to guess: it repeats itself.", "0"),
        ("Quolbrandt 2026", "it holds your name, your address", "0"),
        (PASSWORD, f"{len(PASSWORD)} characters. Strong.", "3"),
    ):
        password.fill(typed)
        expect(hint).to_contain_text(words)
        if level is None:
            expect(bar).not_to_have_attribute("data-level", "0")
        else:
            expect(bar).to_have_attribute("data-level", level)
        expect(page.locator("#announcer")).to_contain_text(words)
    expect(page.locator("#announcer")).to_have_attribute("aria-live", "polite")
    described = password.get_attribute("aria-describedby")
    assert described == hint.get_attribute("id")


def test_the_server_has_the_last_word_on_a_password(
    page: Page, new_address: Callable[[], str], troubles: Troubles
) -> None:
    troubles.expected.append("status of 422")
    page.goto("/sign-up")
    page.get_by_label("E-mail address").fill(new_address())
    password = page.get_by_label("Password", exact=True)
    password.fill("correct horse battery staple")
    page.get_by_role("button", name="Create the account").click()
    refused = page.locator(".field-error", has_text="is a phrase that everybody knows")
    expect(refused).to_be_visible()
    expect(password).to_be_focused()
    expect(password).to_have_attribute("aria-invalid", "true")
