"""Writes the heads of plain answers; uvicorn writes all others, and every body.

uvicorn looks at each header with two patterns and puts the head together piece by piece: on short
answers that is a tenth of all the work.
"""

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

# A header that says otherwise how long the answer is, or what becomes of the connection.
_NOT_PLAIN = frozenset({b"transfer-encoding", b"connection"})


class PlainHeads:
    """An ASGI application as one request of uvicorn's runs it. `cycle` is uvicorn's side of it."""

    __slots__ = ("_app", "_cycle", "_send")

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle: Any = cycle
        self._send: Send

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        self._send = send
        await self._app(scope, receive, self._write_or_pass_on)

    async def _write_or_pass_on(self, message: Message) -> None:
        cycle = self._cycle
        if not cycle.response_started and message["type"] == "http.response.start":
            headers = [*cycle.default_headers, *message["headers"]]
            named = dict(headers)
            length = named.get(b"content-length")
            if length is not None and self._is_plain(named):
                lines = b"\r\n".join(map(b": ".join, headers))
                if _is_sound(lines, len(headers)):
                    # As uvicorn leaves its cycle after a head: it goes on to hold the body to it.
                    cycle.response_started = True
                    cycle.waiting_for_100_continue = False
                    cycle.chunked_encoding = False
                    cycle.expected_content_length = int(length)
                    cycle.transport.write(STATUS_LINE[message["status"]] + lines + b"\r\n\r\n")
                    return
        await self._send(message)

    def _is_plain(self, named: dict[bytes, bytes]) -> bool:
        cycle = self._cycle
        return (
            _NOT_PLAIN.isdisjoint(named)
            and cycle.keep_alive
            and not cycle.disconnected
            and not cycle.flow.write_paused
        )


def _is_sound(lines: bytes, count: int) -> bool:
    """Whether no header holds a NUL or an end of line that would begin another (RFC 9110 5.5)."""
    ends = count - 1
    return lines.count(b"\n") == ends and lines.count(b"\r") == ends and b"\0" not in lines
