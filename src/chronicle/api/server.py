"""Serves the application with uvicorn, with the bounds that it lacks, until told to stop."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chronicle.api.app import ChronicleApp
from chronicle.api.application import Application
from chronicle.api.log_lines import AccessLog
from chronicle.api.problems import describe
from chronicle.errors import Rejected

_log = logging.getLogger(__name__)

_LARGEST_HEADER_BLOCK = 32 * 1024
_HEADER_SECONDS = 10.0
_MOST_DISCARDED = 8 * 1024 * 1024
_KEEP_ALIVE_SECONDS = 75


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a cap on the header block in bytes and in time.

    On its own it takes header blocks of any size, waits for them for ever, and reads the rest of
    a body whose request was already answered to its end.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_headers = True
        self._header_bytes = 0
        self._header_timer: asyncio.TimerHandle | None = None
        self._discarded = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock: the first header block is awaited."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._header_timer = self.loop.call_later(_HEADER_SECONDS, self._close_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless the header block grew too large."""
        if self._in_headers:
            self._header_bytes += min(len(data), _LARGEST_HEADER_BLOCK + 1)
            if (
                self._header_bytes > _LARGEST_HEADER_BLOCK
                and b"\r\n\r\n" not in data[: _LARGEST_HEADER_BLOCK + 4]
            ):
                self._refuse_headers()
                return
        super().data_received(data)
        if self._in_headers and self._header_bytes and self._header_timer is None:
            self._header_timer = self.loop.call_later(_HEADER_SECONDS, self._close_slow)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_headers = True
        self._discarded = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The header block is whole."""
        self._in_headers = False
        self._header_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass the body on; of one that nobody reads any more, take only so much."""
        if self.cycle.response_complete:
            self._discarded += len(body)
            if self._discarded > _MOST_DISCARDED:
                self.transport.close()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole; the next byte belongs to another header block."""
        self._in_headers = True
        self._header_bytes = 0
        super().on_message_complete()

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _close_slow(self) -> None:
        self._header_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse_headers(self) -> None:
        refusal = Rejected(
            "header_block_too_large",
            f"The request line and headers may have at most {_LARGEST_HEADER_BLOCK} bytes.",
        )
        answer = describe(refusal, request_id="")
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
            b"content-type: application/problem+json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(answer.body), answer.body)
        )
        self.transport.close()


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, not yet accepting; port 0 picks a free one.

    Raises:
        OSError: the address can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


async def serve(app: Application, listener: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; then stop accepting, and let what runs finish."""
    config = uvicorn.Config(
        ChronicleApp(app, AccessLog()),
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=app.settings.drain_seconds,
        backlog=2048,
    )
    await _AnnouncingServer(config, on_ready).serve(sockets=[listener])


class _AnnouncingServer(uvicorn.Server):
    """Says when it accepts connections."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()
