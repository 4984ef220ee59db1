"""Writes plain answers: of a known length, on a connection that stays. uvicorn writes all others.

uvicorn looks at each header with two patterns, puts the head together piece by piece and holds the
body to it: on short answers that is an eighth of all the work.
"""

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from chronicle.api.request_reading import BODY_IS_HERE

# A header that says otherwise how long the answer is, or what becomes of the connection.
_NOT_PLAIN = frozenset({b"transfer-encoding", b"connection"})


class PlainAnswers:
    """An ASGI application as one request of uvicorn's runs it. `cycle` is uvicorn's side of it."""

    __slots__ = ("_app", "_cycle", "_has_plain_head", "_send")

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle: Any = cycle
        self._send: Send
        self._has_plain_head = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; it is told when all of the body has come with the head."""
        self._send = send
        if not self._cycle.more_body:
            scope[BODY_IS_HERE] = True
        await self._app(scope, receive, self._write_or_pass_on)

    async def _write_or_pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._wrote_head(message):
                return
        elif self._has_plain_head and self._wrote_body(message):
            return
        await self._send(message)

    def _wrote_head(self, message: Message) -> bool:
        cycle = self._cycle
        headers = [*cycle.default_headers, *message["headers"]]
        named = dict(headers)
        length = named.get(b"content-length")
        if cycle.response_started or length is None or not self._is_plain(named):
            return False
        lines = b"\r\n".join(map(b": ".join, headers))
        if not _is_sound(lines, len(headers)):
            return False
        # As uvicorn leaves its cycle after a head: it can go on to hold the body to it.
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        cycle.chunked_encoding = False
        cycle.expected_content_length = int(length)
        cycle.transport.write(STATUS_LINE[message["status"]] + lines + b"\r\n\r\n")
        self._has_plain_head = cycle.scope["method"] != "HEAD"
        return True

    def _wrote_body(self, message: Message) -> bool:
        cycle = self._cycle
        body = message.get("body", b"")
        if (
            message.get("more_body", False)
            or len(body) != cycle.expected_content_length
            or cycle.response_complete
            or not self._is_open()
        ):
            return False
        # As uvicorn leaves its cycle after the last of a body.
        cycle.expected_content_length = 0
        cycle.transport.write(body)
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

    def _is_plain(self, named: dict[bytes, bytes]) -> bool:
        return _NOT_PLAIN.isdisjoint(named) and self._is_open()

    def _is_open(self) -> bool:
        cycle = self._cycle
        return cycle.keep_alive and not cycle.disconnected and not cycle.flow.write_paused


def _is_sound(lines: bytes, count: int) -> bool:
    """Whether no header holds a NUL or an end of line that would begin another (RFC 9110 5.5)."""
    ends = count - 1
    return lines.count(b"\n") == ends and lines.count(b"\r") == ends and b"\0" not in lines
