"""A TCP proxy in front of a real server, that makes its link slow or silent, or cuts it."""

import asyncio
import contextlib
import ssl
import threading
from types import TracebackType
from typing import Self

_PIECE = 65_536


class TcpProxy:
    """Forwards connections on `port` to a server on this machine, from a thread of its own."""

    def __init__(
        self, target_port: int, *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.port = port
        self._target_port = target_port
        self._tls = tls
        self._delay_seconds = 0.0
        self._is_cut = False
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._listening = threading.Event()
        self._links: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Break every connection; new ones are taken and dropped, until `mend`."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._drop_links)

    def slow_down(self, seconds: float) -> None:
        """From now on, every piece waits so long on its way, in either direction."""
        self._delay_seconds = seconds

    def silence(self) -> None:
        """Hold back whatever comes, and tell nobody, until `mend`."""
        self._loop.call_soon_threadsafe(self._speaks.clear)

    def mend(self) -> None:
        """Be as if there was no proxy."""
        self._is_cut = False
        self._delay_seconds = 0.0
        self._loop.call_soon_threadsafe(self._speaks.set)

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
            asyncio.start_server(self._connected, "127.0.0.1", self.port, ssl=self._tls)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        self._drop_links()
        self._loop.run_until_complete(asyncio.gather(*self._links, return_exceptions=True))
        self._loop.close()

    def _drop_links(self) -> None:
        for link in self._links:
            link.cancel()

    async def _connected(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        try:
            with contextlib.closing(to_client), contextlib.suppress(OSError, EOFError):
                if not self._is_cut:
                    await self._forward(from_client, to_client)
        except asyncio.CancelledError:
            to_client.transport.abort()
        finally:
            self._links.discard(link)

    async def _forward(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        with contextlib.closing(to_server):
            ways = [
                asyncio.ensure_future(self._pump(from_client, to_server)),
                asyncio.ensure_future(self._pump(from_server, to_client)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(_PIECE):
            await self._speaks.wait()
            if self._delay_seconds:
                await asyncio.sleep(self._delay_seconds)
            sink.write(piece)
            await sink.drain()
