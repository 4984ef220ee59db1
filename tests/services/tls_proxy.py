"""A proxy that ends TLS in front of a real server, as nginx or Caddy do."""

import asyncio
import contextlib
import ssl

from tests.services.certificates import Issued
from tests.services.tcp_proxy import TcpProxy


class TlsProxy(TcpProxy):
    """Speaks https on `port` of 127.0.0.1, and http to a server on this machine.

    It appends to each request who sent it: always `client_address`. One request for each
    connection, so that none goes through without that.
    """

    def __init__(
        self, target_port: int, certificate: Issued, *, port: int, client_address: str
    ) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate.certificate, certificate.key)
        super().__init__(target_port, port=port, tls=tls)
        self._added = f"X-Forwarded-For: {client_address}\r\nX-Forwarded-Proto: https\r\n"

    async def _forward(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        line, _, headers = (await from_client.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        with contextlib.closing(to_server):
            added = self._added + "Connection: close\r\n"
            kept = [
                header
                for header in headers.splitlines(keepends=True)
                if not header.lower().startswith(b"connection:")
            ]
            to_server.write(line + b"\r\n" + added.encode() + b"".join(kept))
            body = asyncio.ensure_future(self._pump(from_client, to_server))
            try:
                await self._pump(from_server, to_client)
            finally:
                body.cancel()
                await asyncio.gather(body, return_exceptions=True)
