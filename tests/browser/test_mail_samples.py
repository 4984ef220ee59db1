"""The development page that shows every mail."""

from playwright.sync_api import BrowserContext, Page, expect

from chronicle.auth.mail_samples import SAMPLES


def test_every_mail_is_shown_in_the_chosen_language(page: Page) -> None:
    page.goto("/mails")
    mails = page.get_by_role("list", name="Mails").get_by_role("listitem")
    expect(mails).to_have_count(len(SAMPLES))
    english = mails.first.get_by_role("heading").inner_text()
    page.get_by_role("radio", name="German").check()
    expect(mails.first.get_by_role("heading")).not_to_have_text(english)
    expect(mails).to_have_count(len(SAMPLES))


def test_a_mail_opens_as_a_mail_program_shows_it(page: Page) -> None:
    page.goto("/mails")
    context: BrowserContext = page.context
    with context.expect_page() as opened:
        page.get_by_role("link", name="As a mail program shows it").first.click()
    mail = opened.value
    expect(mail.locator("body")).to_contain_text("7K3M-Q9TD")
    code = mail.get_by_text("7K3M-Q9TD", exact=True)
    border = code.evaluate("code => getComputedStyle(code).borderTopStyle")
    assert border == "solid", "its styles do not apply"
