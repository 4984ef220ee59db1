from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle import setting_values as values


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("65536", 65536),
        ("64KiB", 65536),
        ("64 kib", 65536),
        ("5GiB", 5 * 2**30),
        ("2 TB", 2 * 10**12),
        ("10B", 10),
    ],
)
def test_a_size_is_read_in_bytes_or_with_its_unit(text: str, size: int) -> None:
    assert values.size_in_bytes(text) == size


@pytest.mark.parametrize(
    "text",
    ["0", "0GiB", "-1", "1.5GiB", "5gig", "GiB", "", "5 5", "\N{ARABIC-INDIC DIGIT FIVE}", "1e3"],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        values.size_in_bytes(text)


@pytest.mark.parametrize(
    "text",
    ["-1", "65536", "8_0", "+80", "8 0", "\N{ARABIC-INDIC DIGIT FIVE}", "80.0", "", "9" * 5000],
)
def test_what_is_no_whole_number_in_the_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="from 0 to 65535"):
        values.whole_number(0, 65535)(text)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://example.org", "https://example.org"),
        ("HTTPS://Example.ORG:443/", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("http://example.org:443", "http://example.org:443"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://xn--mller-kva.example", "https://xn--mller-kva.example"),
    ],
)
def test_a_base_url_is_normalised_to_its_origin(text: str, origin: str) -> None:
    assert values.base_url(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "example.org",
        "ftp://example.org",
        "https://",
        "https:///path",
        "https://example.org/path",
        "https://example.org//",
        "https://example.org?",
        "https://example.org?a=b",
        "https://example.org#",
        "https://user@example.org",
        "https://example.org:port",
        "https://example.org:99999",
        "https://exa mple.org",
        "https://example.org\n",
        "https://müller.example",
        "https://-a.example",
        "https://[::1",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        values.base_url(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:////var/lib/c.db", "/var/lib/c.db"),
        ("sqlite:///c.db", str(Path("c.db").absolute())),
        ("sqlite:////a%20b/c.db", "/a b/c.db"),
    ],
)
def test_a_sqlite_url_leads_to_an_absolute_file(text: str, path: str) -> None:
    assert values.database_url(text).reveal() == f"sqlite:///{path}"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///c.db?mode=ro",
        "c.db",
        "mysql://h/d",
    ],
)
def test_a_database_that_is_no_sqlite_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///"):
        values.database_url(text)


@pytest.mark.parametrize(
    ("text", "for_driver"),
    [
        ("valkey://h:1/2", "redis://h:1/2"),
        ("valkeys://h", "rediss://h"),
        ("redis://h", "redis://h"),
        ("rediss://u:p@h:6380", "rediss://u:p@h:6380"),
        ("unix:///run/v.sock", "unix:///run/v.sock"),
        ("valkey+sentinel://a,b:1/m", "redis+sentinel://a,b:1/m"),
        ("valkeys+cluster://a,b:1", "rediss+cluster://a,b:1"),
        ("REDIS+CLUSTER://valkey", "redis+cluster://valkey"),
    ],
)
def test_a_valkey_url_is_given_in_the_form_that_its_driver_knows(
    text: str, for_driver: str
) -> None:
    assert values.valkey_url(text).reveal() == for_driver


@pytest.mark.parametrize("text", ["h:6379", "http://h", "redis://", "unix://", "redis://h:0x1"])
def test_what_is_no_valkey_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        values.valkey_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "smtp://mail.example.org",
        "smtp://user:p%40ss@mail.example.org:587",
        "smtps://user:p@ss@mail.example.org",
        "smtp://localhost:1025?starttls=never",
        "smtp://127.0.0.1:25?starttls=never",
        "smtp://[::1]:25/",
    ],
)
def test_a_mail_server_is_taken_as_it_is_written(text: str) -> None:
    assert values.smtp_url(text).reveal() == text


@pytest.mark.parametrize(
    "text",
    [
        "mail.example.org:587",
        "http://mail.example.org",
        "smtp://",
        "smtp://mail.example.org/inbox",
        "smtp://mail.example.org#587",
        "smtp://mail.example.org:587000",
        "smtp://canary@mail.example.org",
        "smtp://:canary@mail.example.org",
        "smtp://mail.example.org?starttls=never",
        "smtp://user:canary@10.0.0.7?starttls=never",
        "smtp://localhost?starttls=maybe",
        "smtp://localhost?",
        "smtps://localhost?starttls=never",
        "smtp://localhost.example.org?starttls=never",
    ],
)
def test_what_is_no_mail_server_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        values.smtp_url(text)
    assert "canary" not in str(caught.value)


def test_a_secret_is_shown_to_nobody() -> None:
    secret = values.secret("xkeysib-canary")
    assert secret.reveal() == "xkeysib-canary"
    assert "canary" not in f"{secret} {secret!r} {[secret]}"
    assert secret == values.secret("xkeysib-canary")
    assert secret != values.secret("another")
    assert len({secret, values.secret("xkeysib-canary")}) == 1


@pytest.mark.parametrize("text", ["canary two", "canary\x00", "canaryé", "canary" * 100])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="is not a key") as caught:
        values.secret(text)
    assert "canary" not in str(caught.value)


def test_a_key_is_sent_over_tls_or_within_this_machine() -> None:
    assert values.api_url("https://api.brevo.com/") == "https://api.brevo.com"
    assert values.api_url("http://127.0.0.1:8080") == "http://127.0.0.1:8080"
    with pytest.raises(ValueError, match="https"):
        values.api_url("http://api.brevo.com")


@pytest.mark.parametrize(
    "text", ["a@example.org", "Chronicle <no-reply@example.org>", "a@[127.0.0.1]"]
)
def test_a_sender_is_one_address_with_or_without_a_name(text: str) -> None:
    assert values.mail_from(text) == text


@pytest.mark.parametrize(
    "text", ["a", "a@", "@b", "<>", "a@b.c, d@e.f", "a@b.c\r\nBcc: d@e.f", "A <a@b.c", "Name <a>"]
)
def test_what_is_no_sender_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a sender"):
        values.mail_from(text)


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("https://example.org", "Chronicle <no-reply@example.org>"),
        ("http://127.0.0.1:8000", "Chronicle <no-reply@[127.0.0.1]>"),
        ("http://[::1]:8000", "Chronicle <no-reply@[IPv6:::1]>"),
    ],
)
def test_the_default_sender_belongs_to_the_base_url(url: str, sender: str) -> None:
    assert values.default_mail_from(url) == sender
    assert values.mail_from(sender) == sender


@pytest.mark.parametrize("text", ["", "a b", "a+b", "ä", "a\n", "x" * 256])
def test_what_can_name_no_key_is_no_ledger_origin(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        values.ledger_origin(text)


@pytest.mark.parametrize("text", ["", "a b", "ä", "a\n", "x" * 101])
def test_what_no_token_may_name_is_no_client_id(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        values.client_id(text)


@pytest.mark.parametrize("text", ["localhost:8000", "a/b", "exa mple", "", "-a", "[::1]"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        values.host(text)


READERS: list[Callable[[str], object]] = [
    values.size_in_bytes,
    values.whole_number(0, 10),
    values.path,
    values.host,
    values.base_url,
    values.database_url,
    values.valkey_url,
    values.smtp_url,
    values.secret,
    values.api_url,
    values.mail_from,
    values.ledger_origin,
    values.client_id,
]


@pytest.mark.parametrize("reader", READERS)
@given(text=st.text() | st.from_regex(r"(redis|https|sqlite|unix)://\S{0,20}"))
def test_a_reader_answers_or_says_what_is_wrong(reader: Callable[[str], object], text: str) -> None:
    try:
        answer = reader(text)
    except ValueError as error:
        answer = str(error)
    assert answer not in (None, "")
