"""Mail to a server that takes it on: SMTP submission (RFC 6409), over TLS unless it is local."""

import contextlib
import re
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import parseaddr
from enum import Enum
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib

from chronicle.adapters.mail.message import compose
from chronicle.auth.ports import Mail, MailDelayed, MailerMisconfigured, MailRefused, MailTrouble

_ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_AUTHENTICATION_REQUIRED = 530
_GOODBYE_SECONDS = 2.0


class Tls(Enum):
    """When a connection becomes a safe one."""

    STARTTLS = "starttls"
    FROM_THE_START = "from the start"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail goes, and as whom."""

    host: str
    port: int
    tls: Tls
    user: str | None
    password: str | None = field(repr=False)


def smtp_server(url: str) -> SmtpServer:
    """The server of an address that the settings have checked: `smtp://` or `smtps://`."""
    parts = urlsplit(url)
    implicit = parts.scheme == "smtps"
    never = parts.query == "starttls=never"
    return SmtpServer(
        host=parts.hostname or "",
        port=parts.port or (465 if implicit else 587),
        tls=Tls.FROM_THE_START if implicit else Tls.NEVER if never else Tls.STARTTLS,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


class SmtpTransport:
    """`auth.ports.MailTransport` over SMTP: a connection for each mail."""

    def __init__(
        self, server: SmtpServer, *, sender: str, step_seconds: float, tls: ssl.SSLContext
    ) -> None:
        """Take how long the server may think about each command, and whom `tls` trusts."""
        self._server = server
        self._sender = sender
        self._step_seconds = step_seconds
        self._tls = tls

    async def deliver(self, mail: Mail, *, key: UUID, written_at: datetime) -> None:
        """Hand the message to the server.

        SMTP has no keys: when the server took a message and its answer was lost, a second copy
        with the same Message-ID follows.
        """
        message = compose(mail, sender=self._sender, key=key, written_at=written_at)
        client = self._client()
        try:
            await self._submit(client, message, mail.to)
        except ssl.SSLError as error:
            raise MailerMisconfigured("the server's TLS can't be trusted") from error
        except OSError as error:
            raise _trouble_of_connection(error) from error
        except aiosmtplib.SMTPException as error:
            raise self._trouble(error) from error
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls is Tls.FROM_THE_START,
            # True insists on it. Left open, whoever sits in between could say there is none.
            start_tls=server.tls is Tls.STARTTLS,
            tls_context=self._tls,
            timeout=self._step_seconds,
            local_hostname=parseaddr(self._sender)[1].rpartition("@")[2],
        )

    async def _submit(self, client: aiosmtplib.SMTP, message: EmailMessage, to: str) -> None:
        await client.connect()
        sender = parseaddr(self._sender)[1]
        await client.send_message(message, sender=sender, recipients=[to])
        # It was taken: nothing that goes wrong with the goodbye may have it sent again.
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=_GOODBYE_SECONDS)

    def _trouble(self, error: aiosmtplib.SMTPException) -> MailTrouble:
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            error = error.recipients[0]
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return self._trouble_of_answer(error)
        if isinstance(error, aiosmtplib.SMTPNotSupported):
            return MailRefused("the server takes no international addresses")
        # What is left: no STARTTLS, no AUTH, or no method of it that both know.
        return MailerMisconfigured("the server offers no TLS, or no sign-in, as the settings want")

    def _trouble_of_answer(self, error: aiosmtplib.SMTPResponseException) -> MailTrouble:
        # Not the answer's words: they may repeat the address.
        enhanced = _ENHANCED_CODE.match(error.message)
        reason = f"smtp {error.code} {enhanced[0] if enhanced else ''}".strip()
        if error.code < 500:
            return MailDelayed(reason)
        about_the_mail = isinstance(
            error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError
        )
        if not about_the_mail or error.code == _AUTHENTICATION_REQUIRED:
            return MailerMisconfigured(reason)
        if self._server.user is None and enhanced and enhanced[0].startswith("5.7."):
            # "Relaying denied" says of whoever does not sign in that this is what is missing.
            return MailerMisconfigured(reason)
        return MailRefused(reason)


def _trouble_of_connection(error: OSError) -> MailTrouble:
    if isinstance(error, aiosmtplib.SMTPConnectResponseError):
        return MailDelayed(f"smtp {error.code}")
    if isinstance(error.__cause__, ssl.SSLError):
        return MailerMisconfigured("the server's TLS can't be trusted")
    return MailDelayed(f"the server can't be reached: {type(error).__name__}")
