"""A mail as an RFC 5322 message with a text and an HTML part."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime, parseaddr
from uuid import UUID

from chronicle.auth.ports import Mail, MailRefused


def compose(mail: Mail, *, sender: str, key: UUID, written_at: datetime) -> EmailMessage:
    """The message of a mail; the same for the same key, so that a second copy is known as one.

    Raises:
        MailRefused: the address can stand in no message.
    """
    message = EmailMessage(policy=SMTPUTF8)
    name, address = parseaddr(sender)
    message["From"] = Address(display_name=name, addr_spec=address)
    # Not addr_spec=: that refuses a local part in UTF-8 (RFC 6531).
    local, _, domain = mail.to.rpartition("@")
    if not local or not domain or any(map(str.isspace, mail.to)):
        raise MailRefused("the address can stand in no message")
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(written_at)
    message["Message-ID"] = f"<{key}@{address.rpartition('@')[2]}>"
    # Nobody is there to read an answer from a holiday (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    # Quoted-printable: no server on the way has to know 8BITMIME, and no line is too long.
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return message
