import inspect
import re
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from string import Formatter

import pytest

from chronicle.auth import mails
from chronicle.auth.mail_samples import SAMPLES
from chronicle.auth.mail_templates import LANGUAGES, best_language, language
from chronicle.auth.ports import Mail

URL = "https://chronicle.example.org"
NAMES = sorted(
    name
    for name, function in inspect.getmembers(mails, inspect.isfunction)
    if function.__module__ == mails.__name__
)
# What a parameter is called where the words stand, if not by its own name.
PLACEHOLDERS = {"report_token": "token", "unlock_token": "token", "undo_token": "token"}
SAID_OF_EVERY_MAIL = {"base_url", "locale", "to"}


class Page(HTMLParser):
    """What a mail client sees of a page."""

    def __init__(self, mail: Mail) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(mail.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str | None]:
        return [attributes["href"] for tag, attributes in self.tags if tag == "a"]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def expected(name: str) -> set[str]:
    parameters = set(inspect.signature(getattr(mails, name)).parameters) - SAID_OF_EVERY_MAIL
    return {PLACEHOLDERS.get(parameter, parameter) for parameter in parameters}


def a_new_device(
    device: str,
    *,
    at: datetime | None = None,
    place: str | None = None,
    locale: str | None = None,
) -> Mail:
    moment = at or datetime(2026, 3, 9, 8, 7, tzinfo=UTC)
    return mails.new_device(
        *("ada@example.org", device, "192.0.2.7", moment, "TOKEN"),
        place=place,
        base_url=URL,
        locale=locale,
    )


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_mail_is_written_in_every_language_and_no_other_is(code: str) -> None:
    words = language(code)
    assert sorted(words.mails) == NAMES
    assert len(set(words.months)) == 12
    assert placeholders(words.moment) == {"day", "month", "year", "time"}
    assert placeholders(words.signature) == {"base_url"}


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_the_words_use_every_value_of_their_mail_and_no_unknown_one(name: str, code: str) -> None:
    subject, body = language(code).mails[name]
    assert placeholders(body) - {"base_url"} == expected(name)
    # Subjects are shown on locked screens and kept in logs.
    assert placeholders(subject) <= {"code"}
    assert "\n" not in subject


@pytest.mark.parametrize("name", NAMES)
def test_two_languages_do_not_say_the_same_words(name: str) -> None:
    said = [SAMPLES[name](URL, locale) for locale in LANGUAGES]
    assert len({mail.subject for mail in said}) == len(LANGUAGES)
    assert len({mail.text for mail in said}) == len(LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_text_and_page_say_the_same(name: str, code: str) -> None:
    mail = SAMPLES[name](URL, code)
    page = Page(mail)
    assert mail.to == "ada@example.org"
    assert ("html", {"lang": code}) in page.tags
    assert mail.subject in page.text
    assert not re.search(r"[{}$]", mail.subject + mail.text + page.text)
    for link in page.links():
        assert link
        assert link.startswith(URL)
        assert f"\n    {link}\n" in mail.text
    words = re.sub(r"https://\S+", "", mail.text).replace("-- \n", "")
    for word in re.findall(r"\w{4,}", words):
        assert word in page.text
    assert max(map(len, re.sub(r"https://\S+", "", mail.text).splitlines())) <= 76


@pytest.mark.parametrize("name", NAMES)
def test_a_page_loads_nothing_and_runs_nothing(name: str) -> None:
    tags = {tag for tag, _ in Page(SAMPLES[name](URL, None)).tags}
    assert tags <= {
        *("html", "head", "meta", "title", "body"),
        *("div", "p", "a", "ul", "li", "hr"),
    }


def test_a_device_that_calls_itself_markup_stays_text() -> None:
    mail = a_new_device('<script>alert("1")</script><a href="https://evil.example">')
    page = Page(mail)
    assert "<script>" not in mail.html
    assert '<script>alert("1")</script><a href="https://evil.example">' in page.text
    assert page.links() == [f"{URL}/report#token=TOKEN"]


@pytest.mark.parametrize(
    "device", ["{code}", "{token}", "$content", "[Click](https://evil.example)"]
)
def test_a_device_that_calls_itself_a_placeholder_stays_text(device: str) -> None:
    mail = a_new_device(device)
    assert f"Device: {device}" in mail.text
    assert f"Device: {device}" in Page(mail).text
    assert Page(mail).links() == [f"{URL}/report#token=TOKEN"]


def test_a_value_is_one_short_line_whatever_it_holds() -> None:
    mail = a_new_device("Fire\r\n\r\nBcc: eve\N{RIGHT-TO-LEFT OVERRIDE}fox\x00" + "x" * 5000)
    line = next(line for line in mail.text.splitlines() if "Device" in line)
    assert line.startswith("- Device: Fire Bcc: evefoxxx")
    assert len(line) < 400


@pytest.mark.parametrize(("locale", "word"), [("en", "Place"), ("de", "Ort")])
def test_a_place_has_its_line_and_one_that_is_not_known_has_none(locale: str, word: str) -> None:
    told = a_new_device("curl", place="Lyon, {code}", locale=locale)
    line = next(line for line in told.text.splitlines() if word in line)
    assert line.endswith(": Lyon, {code}")
    assert "Lyon, {code}" in Page(told).text
    silent = a_new_device("curl", locale=locale)
    assert word not in silent.text
    assert word not in Page(silent).text
    assert len(silent.text.splitlines()) == len(told.text.splitlines()) - 1


def test_a_token_stands_in_the_fragment_of_its_link() -> None:
    sample = "0123456789abcdefABCDEF"
    for name in NAMES:
        mail = SAMPLES[name](URL, None)
        assert mail.text.count(sample) == mail.text.count(f"#token={sample}")
        assert mail.html.count(sample) == mail.html.count(f"#token={sample}")
        assert (sample in mail.text) is ("token" in expected(name))


def test_a_moment_is_told_in_utc_and_in_the_language() -> None:
    at = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert "28 February 2026, 22:30 UTC" in a_new_device("x", at=at).text
    assert "28. Februar 2026, 22:30 Uhr UTC" in a_new_device("x", at=at, locale="de").text


@pytest.mark.parametrize(
    ("locale", "code"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-Latn-CH", "de"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("des", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_language_is_the_locales_own_or_english(locale: str | None, code: str) -> None:
    assert best_language(locale).code == code


def test_a_code_stands_alone_so_that_it_is_easily_copied() -> None:
    mail = mails.sign_in_code(
        "a@example.org", "7K3M-Q9TD", "TOKEN", minutes=10, base_url=URL, locale=None
    )
    assert mail.subject.split()[0] == "7K3M-Q9TD"
    assert "\n\n    7K3M-Q9TD\n\n" in mail.text
    assert ">7K3M-Q9TD</p>" in mail.html


def test_every_mail_has_a_sample_to_look_at() -> None:
    assert sorted(SAMPLES) == NAMES
