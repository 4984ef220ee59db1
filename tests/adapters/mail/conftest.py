"""A mail server on this machine, with a certificate of an authority that only these tests know."""

# ruff: noqa: N802 - the server calls what it finds under these names

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

USER, PASSWORD = "postman@example.org", "p/a:s@s canary"


@dataclass
class Authority:
    """Contexts for a server, for one that has somebody else's name, and for who trusts both."""

    server: ssl.SSLContext
    misnamed_server: ssl.SSLContext
    trusting: ssl.SSLContext


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("An authority of these tests")
    ca = (
        _certificate(ca_name, ca_name, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, SHA256())
    )

    def server(*names: x509.GeneralName) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _certificate(_name("A mail server"), ca_name, key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(ca_key, SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = folder / "server.pem"
        file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    return Authority(
        server(x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))),
        server(x509.DNSName("mail.example.org")),
        ssl.create_default_context(cadata=ca.public_bytes(Encoding.PEM).decode()),
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


@dataclass
class Mailbox:
    """Takes what comes, and answers a command in another way where it was told to."""

    taken: list[Envelope] = field(default_factory=list)
    peers: list[Session] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    hangs_on: str | None = None
    drops_after: str | None = None
    port: int = 0

    def message(self) -> EmailMessage:
        (envelope,) = self.taken
        assert isinstance(envelope.content, bytes)
        return message_from_bytes(envelope.content, policy=default)  # type: ignore[return-value]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._answer("MAIL", server)
        if answer is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._answer("RCPT", server)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await self._answer("DATA", server)
        if answer is None:
            self.taken.append(envelope)
            self.peers.append(session)
        if self.drops_after == "DATA":
            server.transport.abort()
        return answer or "250 Taken"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return await self._answer("QUIT", server) or "221 Bye"

    async def _answer(self, command: str, server: SMTP) -> str | None:
        if self.hangs_on == command:
            await asyncio.Event().wait()
        return self.answers.get(command)


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    assert isinstance(data, LoginPassword)
    known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=False)


StartServer = Callable[..., "contextlib.AbstractAsyncContextManager[Mailbox]"]


@pytest.fixture
def mail_server(authority: Authority) -> StartServer:
    @contextlib.asynccontextmanager
    async def start(
        *,
        starttls: bool = True,
        implicit: bool = False,
        auth: bool = False,
        tls: ssl.SSLContext = authority.server,
    ) -> AsyncIterator[Mailbox]:
        mailbox = Mailbox()

        def serve() -> SMTP:
            with warnings.catch_warnings():
                # It says that a sign-in without TLS is unsafe; that is what a test is about.
                warnings.simplefilter("ignore", UserWarning)
                return SMTP(
                    mailbox,
                    hostname="localhost",
                    tls_context=tls if starttls and not implicit else None,
                    require_starttls=starttls and not implicit,
                    auth_required=auth,
                    auth_require_tls=False,
                    authenticator=_authenticate if auth else None,
                    enable_SMTPUTF8=True,
                )

        loop = asyncio.get_running_loop()
        server = await loop.create_server(serve, "127.0.0.1", 0, ssl=tls if implicit else None)
        mailbox.port = server.sockets[0].getsockname()[1]
        try:
            yield mailbox
        finally:
            server.close()

    return start
