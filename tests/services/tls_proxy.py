"""A proxy that ends TLS in front of a real server, as nginx or Caddy do."""

import asyncio
import contextlib
import ssl
import threading
from types import TracebackType
from typing import Self

from tests.services.certificates import Issued

_PIECE = 65_536
_LONGEST_HEAD = 32_768


class TlsProxy:
    """Speaks https on `port` of 127.0.0.1, and http to a server on this machine.

    It appends to each request who sent it: always `client_address`. One request for each
    connection, so that none goes through without that.
    """

    def __init__(
        self, target_port: int, certificate: Issued, *, port: int, client_address: str
    ) -> None:
        self.port = port
        self._target_port = target_port
        self._added = f"X-Forwarded-For: {client_address}\r\nX-Forwarded-Proto: https\r\n"
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tls-proxy", daemon=True)
        self._listening = threading.Event()
        self._links: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(
                self._connected, "127.0.0.1", self.port, ssl=self._tls, limit=_LONGEST_HEAD
            )
        )
        self._listening.set()
        self._loop.run_forever()
        server.close()
        for link in self._links:
            link.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._links, return_exceptions=True))
        self._loop.close()

    async def _connected(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._forward(from_client, to_client)
        except asyncio.CancelledError:
            pass
        finally:
            to_client.close()
            self._links.discard(link)

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
            body = asyncio.ensure_future(_pump(from_client, to_server))
            try:
                await _pump(from_server, to_client)
            finally:
                body.cancel()
                await asyncio.gather(body, return_exceptions=True)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE):
        sink.write(piece)
        await sink.drain()
