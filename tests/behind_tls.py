"""A server as it stands in production: https by a proxy in front, mail by a provider."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.mailboxes import CODE
from tests.production import production_server
from tests.running_server import PASSWORD, RunningServer, eventually, free_port
from tests.scripted_brevo import ScriptedBrevo
from tests.services.certificates import Certificates
from tests.services.tls_proxy import TlsProxy

CLIENT_ADDRESS = "203.0.113.9"


@dataclass(frozen=True, slots=True)
class BehindTls:
    """The server, where people find it, and its mail."""

    server: RunningServer
    url: str
    brevo: ScriptedBrevo
    authorities: ssl.SSLContext

    def client(self) -> httpx2.Client:
        """A browser, but for its engine: it keeps cookies, and comes from the page's origin."""
        return httpx2.Client(
            base_url=self.url,
            timeout=20,
            verify=self.authorities,
            headers={"Origin": self.url},
        )

    def code_mailed_to(self, address: str) -> str:
        mails = eventually(lambda: self.brevo.to(address))
        code = CODE.search(mails[-1]["subject"])
        assert code is not None
        return code[0]

    def sign_up(self, client: httpx2.Client, email: str) -> httpx2.Response:
        started = client.post("/api/auth/register", json={"email": email, "password": PASSWORD})
        assert started.status_code == 202, started.text
        finish = {"ticket": started.json()["ticket"], "code": self.code_mailed_to(email)}
        answer = client.post("/api/auth/register/verify", json=finish)
        assert answer.status_code == 201, answer.text
        return answer


@contextmanager
def behind_tls(folder: Path) -> Iterator[BehindTls]:
    """Production's settings, and nothing that only development has."""
    certificates = Certificates(folder / "certificates")
    port, brevo_port = free_port(), free_port()
    url = f"https://127.0.0.1:{port}"
    server = production_server(
        folder,
        base_url=url,
        brevo_port=brevo_port,
        CHRONICLE_TRUSTED_PROXIES="127.0.0.1/32",
    )
    proxy = TlsProxy(server.port, certificates.server, port=port, client_address=CLIENT_ADDRESS)
    authorities = ssl.create_default_context(cafile=certificates.ca_file)
    with ScriptedBrevo(brevo_port) as brevo, server, proxy:
        yield BehindTls(server, url, brevo, authorities)
        assert "a request failed" not in server.log, server.log
        assert "Traceback" not in server.log, server.log
