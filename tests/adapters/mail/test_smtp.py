import asyncio
import ssl
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

import pytest

from chronicle.adapters.mail.smtp import SmtpServer, SmtpTransport, Tls, smtp_server
from chronicle.auth.ports import Mail, MailDelayed, MailerMisconfigured, MailRefused, MailTrouble
from tests.adapters.mail.conftest import PASSWORD, USER, Authority, StartServer
from tests.running_server import free_port

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = UUID("01890000-0000-7000-8000-000000000001")
MAIL = Mail("ada@example.net", "Grüße", "Öffnen Sie\n.\nmich\n", "<p>Öffnen Sie mich</p>")
SENDER = "Chronicle <no-reply@example.org>"
SIGNED_IN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"


def transport(
    url: str, authority: Authority, *, trusting: bool = True, step_seconds: float = 10
) -> SmtpTransport:
    tls = authority.trusting if trusting else ssl.create_default_context()
    return SmtpTransport(smtp_server(url), sender=SENDER, step_seconds=step_seconds, tls=tls)


async def deliver(transport: SmtpTransport, mail: Mail = MAIL) -> MailTrouble | None:
    """What stood in the way of a mail, or None."""
    try:
        await transport.deliver(mail, key=KEY, written_at=NOW)
    except MailTrouble as trouble:
        return trouble
    return None


async def test_a_mail_is_handed_over_whole_after_starttls(
    authority: Authority, mail_server: StartServer
) -> None:
    async with mail_server() as mailbox:
        assert await deliver(transport(f"smtp://localhost:{mailbox.port}", authority)) is None
    (envelope,) = mailbox.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@example.org", ["ada@example.net"])
    assert mailbox.peers[0].ssl is not None
    assert mailbox.peers[0].host_name == "example.org"
    message = mailbox.message()
    assert message["Message-ID"] == f"<{KEY}@example.org>"
    assert message["Subject"] == "Grüße"
    assert message["To"] == "ada@example.net"
    text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    assert (text, html) == (MAIL.text, f"{MAIL.html}\n")


async def test_tls_from_the_start_works_too(authority: Authority, mail_server: StartServer) -> None:
    async with mail_server(implicit=True) as mailbox:
        assert await deliver(transport(f"smtps://127.0.0.1:{mailbox.port}", authority)) is None
    assert len(mailbox.taken) == 1


async def test_a_local_server_without_tls_works_where_the_settings_say_so(
    authority: Authority, mail_server: StartServer
) -> None:
    async with mail_server(starttls=False) as mailbox:
        url = f"smtp://localhost:{mailbox.port}?starttls=never"
        assert await deliver(transport(url, authority)) is None
    assert mailbox.peers[0].ssl is None


@pytest.mark.parametrize("implicit", [True, False])
async def test_it_signs_in_with_a_password_of_any_characters(
    authority: Authority, mail_server: StartServer, implicit: bool
) -> None:
    async with mail_server(implicit=implicit, auth=True) as mailbox:
        url = f"{'smtps' if implicit else 'smtp'}://{SIGNED_IN}localhost:{mailbox.port}"
        assert await deliver(transport(url, authority)) is None
    assert mailbox.peers[0].authenticated


async def test_a_wrong_password_is_the_operators_business_and_is_not_told(
    authority: Authority, mail_server: StartServer
) -> None:
    async with mail_server(auth=True) as mailbox:
        url = f"smtp://postman:wrong-canary@localhost:{mailbox.port}"
        trouble = await deliver(transport(url, authority))
    assert type(trouble) is MailerMisconfigured
    assert trouble.reason == "smtp 535 5.7.8"
    assert mailbox.taken == []


async def test_a_server_that_wants_a_sign_in_is_the_operators_business(
    authority: Authority, mail_server: StartServer
) -> None:
    async with mail_server(auth=True) as mailbox:
        trouble = await deliver(transport(f"smtp://localhost:{mailbox.port}", authority))
    assert type(trouble) is MailerMisconfigured
    assert trouble.reason == "smtp 530 5.7.0"


async def test_a_server_that_offers_no_starttls_gets_neither_mail_nor_password(
    authority: Authority, mail_server: StartServer
) -> None:
    async with mail_server(starttls=False, auth=True) as mailbox:
        url = f"smtp://{SIGNED_IN}localhost:{mailbox.port}"
        trouble = await deliver(transport(url, authority))
    assert type(trouble) is MailerMisconfigured
    assert mailbox.taken == []


async def test_a_server_that_offers_no_sign_in_is_the_operators_business(
    authority: Authority, mail_server: StartServer
) -> None:
    async with mail_server() as mailbox:
        url = f"smtp://{SIGNED_IN}localhost:{mailbox.port}"
        assert type(await deliver(transport(url, authority))) is MailerMisconfigured
    assert mailbox.taken == []


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_certificate_that_nobody_vouches_for_ends_it(
    authority: Authority, mail_server: StartServer, implicit: bool
) -> None:
    async with mail_server(implicit=implicit) as mailbox:
        url = f"{'smtps' if implicit else 'smtp'}://localhost:{mailbox.port}"
        trouble = await deliver(transport(url, authority, trusting=False))
    assert type(trouble) is MailerMisconfigured
    assert trouble.reason == "the server's TLS can't be trusted"
    assert mailbox.taken == []


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_certificate_for_another_name_ends_it(
    authority: Authority, mail_server: StartServer, implicit: bool
) -> None:
    async with mail_server(implicit=implicit, tls=authority.misnamed_server) as mailbox:
        url = f"{'smtps' if implicit else 'smtp'}://localhost:{mailbox.port}"
        trouble = await deliver(transport(url, authority))
    assert type(trouble) is MailerMisconfigured
    assert trouble.reason == "the server's TLS can't be trusted"
    assert mailbox.taken == []


@pytest.mark.parametrize(
    ("command", "answer", "kind", "reason"),
    [
        ("MAIL", "451 4.3.0 Try later", MailDelayed, "smtp 451 4.3.0"),
        (
            "MAIL",
            "553 5.7.1 <no-reply@example.org>: not yours",
            MailerMisconfigured,
            "smtp 553 5.7.1",
        ),
        ("RCPT", "450 4.2.0 Greylisted", MailDelayed, "smtp 450 4.2.0"),
        ("RCPT", "452 Too many", MailDelayed, "smtp 452"),
        ("RCPT", "550 5.1.1 <ada@example.net>: no such user", MailRefused, "smtp 550 5.1.1"),
        ("RCPT", "550 No such user ada@example.net", MailRefused, "smtp 550"),
        ("RCPT", "554 5.7.1 Relay access denied", MailerMisconfigured, "smtp 554 5.7.1"),
        ("DATA", "421 4.3.2 Closing", MailDelayed, "smtp 421 4.3.2"),
        ("DATA", "552 5.2.2 Mailbox full", MailRefused, "smtp 552 5.2.2"),
        ("DATA", "554 5.6.0 Looks like spam", MailRefused, "smtp 554 5.6.0"),
    ],
)
async def test_each_answer_says_whether_to_try_again(
    authority: Authority,
    mail_server: StartServer,
    command: str,
    answer: str,
    kind: type[MailTrouble],
    reason: str,
) -> None:
    async with mail_server() as mailbox:
        mailbox.answers[command] = answer
        trouble = await deliver(transport(f"smtp://localhost:{mailbox.port}", authority))
    assert type(trouble) is kind
    assert trouble.reason == reason


async def test_a_relay_that_knows_us_and_still_refuses_means_this_mail(
    authority: Authority, mail_server: StartServer
) -> None:
    async with mail_server(auth=True) as mailbox:
        mailbox.answers["RCPT"] = "554 5.7.1 Not to this list"
        url = f"smtp://{SIGNED_IN}localhost:{mailbox.port}"
        assert type(await deliver(transport(url, authority))) is MailRefused


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_server_that_never_answers_delays_the_mail(
    authority: Authority, mail_server: StartServer, command: str
) -> None:
    async with mail_server() as mailbox:
        mailbox.hangs_on = command
        slow = transport(f"smtp://localhost:{mailbox.port}", authority, step_seconds=0.3)
        assert type(await deliver(slow)) is MailDelayed


async def test_a_server_that_takes_the_mail_and_says_no_goodbye_has_taken_it(
    authority: Authority, mail_server: StartServer
) -> None:
    async with mail_server() as mailbox:
        mailbox.answers["QUIT"] = "500 No"
        assert await deliver(transport(f"smtp://localhost:{mailbox.port}", authority)) is None
    assert len(mailbox.taken) == 1


async def test_a_server_that_drops_the_line_delays_the_mail_and_may_get_it_twice(
    authority: Authority, mail_server: StartServer
) -> None:
    async with mail_server() as mailbox:
        there = transport(f"smtp://localhost:{mailbox.port}", authority)
        mailbox.drops_after = "DATA"
        assert type(await deliver(there)) is MailDelayed
        mailbox.drops_after = None
        assert await deliver(there) is None
    first, second = mailbox.taken
    assert isinstance(first.content, bytes)
    assert isinstance(second.content, bytes)
    line = f"Message-ID: <{KEY}@example.org>".encode()
    assert line in first.content
    assert line in second.content


async def test_a_server_that_is_not_there_delays_the_mail(authority: Authority) -> None:
    trouble = await deliver(transport(f"smtp://localhost:{free_port()}", authority))
    assert type(trouble) is MailDelayed


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [(b"421 4.3.2 Later\r\n", MailDelayed), (b"\xff\xfe\x00\r\n", MailDelayed), (b"", MailDelayed)],
)
async def test_a_server_that_greets_with_something_else_delays_the_mail(
    authority: Authority, greeting: bytes, kind: type[MailTrouble]
) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert type(await deliver(transport(f"smtp://localhost:{port}", authority))) is kind


async def test_an_international_address_is_handed_over(
    authority: Authority, mail_server: StartServer
) -> None:
    mail = Mail("jörg@xn--mller-kva.example", "a", "b", "c")
    async with mail_server() as mailbox:
        there = transport(f"smtp://localhost:{mailbox.port}", authority)
        assert await deliver(there, mail) is None
    assert mailbox.taken[0].rcpt_tos == [mail.to]
    assert mailbox.message()["To"] == mail.to


async def test_nothing_secret_stands_in_what_is_logged_or_shown(
    authority: Authority, mail_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with mail_server(auth=True) as mailbox:
        url = f"smtp://{SIGNED_IN}localhost:{mailbox.port}"
        mailbox.answers["RCPT"] = f"550 5.1.1 <{MAIL.to}>: no such user"
        trouble = await deliver(transport(url, authority))
    # The server of this test logs too, under these names.
    ours = [record for record in caplog.records if not record.name.startswith("mail.")]
    for canary in ("canary", MAIL.to):
        assert canary not in repr(trouble)
        assert not [record for record in ours if canary in record.getMessage()]
    assert "canary" not in repr(smtp_server(url))


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://h", SmtpServer("h", 587, Tls.STARTTLS, None, None)),
        ("smtps://h", SmtpServer("h", 465, Tls.FROM_THE_START, None, None)),
        ("smtp://[::1]:25", SmtpServer("::1", 25, Tls.STARTTLS, None, None)),
        (
            "smtp://a%40b:c%3Ad@localhost:1025?starttls=never",
            SmtpServer("localhost", 1025, Tls.NEVER, "a@b", "c:d"),
        ),
    ],
)
def test_an_address_says_who_where_and_how_safe(url: str, server: SmtpServer) -> None:
    assert smtp_server(url) == server
