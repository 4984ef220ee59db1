from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from uuid import UUID

import pytest

from chronicle.adapters.mail.outbox import OutboxFolder
from chronicle.auth.ports import Mail, MailDelayed, MailRefused

SENDER = "Chronicle <no-reply@example.org>"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = UUID("01890000-0000-7000-8000-000000000001")
LATER_KEY = UUID("01890000-0000-7000-8000-000000000002")
MAIL = Mail("ada@example.net", "Grüße", "Öffnen Sie\n\nmich\n", "<p>Öffnen Sie mich</p>")


@pytest.fixture
def outbox(tmp_path: Path) -> OutboxFolder:
    return OutboxFolder(tmp_path / "outbox", sender=SENDER)


async def test_a_mail_is_a_message_in_text_and_html(outbox: OutboxFolder, tmp_path: Path) -> None:
    await outbox.deliver(MAIL, key=KEY, written_at=NOW)
    (file,) = (tmp_path / "outbox").iterdir()
    message = message_from_bytes(file.read_bytes(), policy=default)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    assert (text, html) == (MAIL.text, f"{MAIL.html}\n")
    assert message["From"] == SENDER
    assert message["To"] == "ada@example.net"
    assert message["Subject"] == "Grüße"
    assert message["Message-ID"] == f"<{KEY}@example.org>"
    assert message["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert max(map(len, file.read_bytes().splitlines())) <= 78


async def test_the_newest_are_shown_first_and_only_so_many(outbox: OutboxFolder) -> None:
    await outbox.deliver(MAIL, key=LATER_KEY, written_at=NOW)
    await outbox.deliver(MAIL, key=KEY, written_at=NOW)
    assert [mail.id for mail in await outbox.newest(10)] == [str(LATER_KEY), str(KEY)]
    (newest,) = await outbox.newest(1)
    assert (newest.to, newest.subject, newest.text) == (MAIL.to, MAIL.subject, MAIL.text)
    assert newest.date == NOW


async def test_the_same_mail_twice_is_there_once(outbox: OutboxFolder) -> None:
    for _ in range(2):
        await outbox.deliver(MAIL, key=KEY, written_at=NOW)
    assert len(await outbox.newest(10)) == 1


async def test_a_message_is_shown_as_its_file_is_now(outbox: OutboxFolder, tmp_path: Path) -> None:
    for text in ("first\n", "other\n"):
        await outbox.deliver(replace(MAIL, text=text), key=KEY, written_at=NOW)
        assert [mail.text for mail in await outbox.newest(10)] == [text]
    (tmp_path / "outbox" / f"{KEY}.eml").unlink()
    assert await outbox.newest(10) == []


async def test_what_a_crash_left_is_in_nobodys_way(outbox: OutboxFolder, tmp_path: Path) -> None:
    partial = tmp_path / "outbox" / f"{KEY}.eml.partial"
    partial.write_bytes(b"half a mess")
    assert await outbox.newest(10) == []
    await outbox.deliver(MAIL, key=KEY, written_at=NOW)
    assert not partial.exists()
    assert len(await outbox.newest(10)) == 1


async def test_a_folder_that_is_gone_delays_the_mail(outbox: OutboxFolder, tmp_path: Path) -> None:
    (tmp_path / "outbox").rmdir()
    with pytest.raises(MailDelayed, match="can't be written"):
        await outbox.deliver(MAIL, key=KEY, written_at=NOW)


@pytest.mark.parametrize("address", ["", "no address", "a@b\r\nBcc: eve@example.org", "a@b, c@d"])
async def test_an_address_that_can_stand_in_no_message_is_refused(
    outbox: OutboxFolder, address: str
) -> None:
    mail = Mail(address, "a", "b", "c")
    with pytest.raises(MailRefused):
        await outbox.deliver(mail, key=KEY, written_at=NOW)
    assert await outbox.newest(10) == []


async def test_an_international_address_stands_as_it_is(outbox: OutboxFolder) -> None:
    await outbox.deliver(Mail("jörg@xn--mller-kva.example", "a", "b", "c"), key=KEY, written_at=NOW)
    assert (await outbox.newest(1))[0].to == "jörg@xn--mller-kva.example"
