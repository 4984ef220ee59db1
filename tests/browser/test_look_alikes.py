"""Names and addresses that can be taken for others: the console says so beside their field."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NARROW, WIDE, Troubles, sign_in
from tests.running_server import PASSWORD, Person

MIXED = "Ad\u0430"  # its last letter is Cyrillic


def expect_beside(field: Locator, words: str) -> None:
    expect(field).to_have_accessible_description(re.compile(re.escape(words)))


@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
def test_a_sign_up_says_what_is_wrong_beside_its_field(
    page: Page, troubles: Troubles, viewport: dict[str, int]
) -> None:
    troubles.expected.append("status of 422")
    page.set_viewport_size(viewport)  # type: ignore[arg-type]
    page.goto("/sign-up")
    email, name = page.get_by_label("E-mail address"), page.get_by_label("Name")
    email.fill(f"{MIXED}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    name.fill("Chronicle Support")
    create = page.get_by_role("button", name="Create the account")
    create.click()
    expect_beside(email, "It has alphabets mixed, so that it can be taken for another address.")
    expect(email).to_be_focused()
    email.fill("ada.looks@example.org")
    create.click()
    expect_beside(name, "It is easily taken for whoever runs this server: choose another.")
    expect(name).to_be_focused()


def test_a_new_name_and_a_new_address_say_what_is_wrong_beside_their_fields(
    page: Page, somebody: Person, troubles: Troubles
) -> None:
    troubles.expected.append("status of 422")
    sign_in(page, somebody)
    page.goto("/account")
    name = page.get_by_label("Name")
    name.fill(MIXED)
    page.get_by_role("button", name="Save").click()
    expect_beside(name, "It has a word that mixes alphabets: write it in one.")
    email = page.get_by_label("New e-mail address")
    email.fill("ada@\u0441\u043e\u0441\u043e.com")
    page.get_by_role("button", name="Change the address").click()
    expect_beside(email, "It is easily taken for another address, which has Latin letters.")
