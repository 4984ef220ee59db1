"""Lets an answer that is whole at once leave in one write.

uvicorn checks and writes an answer's head, then its body: two system calls, two packets, and for
short answers a tenth of all the work. Everything that is not the plain case stays with uvicorn.
"""

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

# A longer body is not worth the copy that joins it to its head.
_LONGEST_BODY = 64 * 1024
# A header that says otherwise how long the answer is, or what becomes of the connection.
_NOT_PLAIN = frozenset({b"transfer-encoding", b"connection"})


class OneWrite:
    """An ASGI application as one request of uvicorn's runs it."""

    __slots__ = ("_app", "_cycle", "_send", "_start")

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle = cycle
        self._send: Send
        self._start: Message | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, its answer held back until it is known to be plain or not."""
        self._send = send
        await self._app(scope, receive, self._hold_or_send)

    async def _hold_or_send(self, message: Message) -> None:
        start = self._start
        if start is None:
            if message["type"] == "http.response.start" and not self._cycle.response_started:
                # From here on the application can't begin another answer, as if this were out.
                self._start, self._cycle.response_started = message, True
                return
            await self._send(message)
            return
        self._start = None
        answer = self._plain(start, message)
        if answer is None:
            self._cycle.response_started = False
            await self._send(start)
            await self._send(message)
            return
        self._finish(answer)

    def _plain(self, start: Message, message: Message) -> bytes | None:
        """The whole answer, if there is nothing to it but a status, headers and a short body."""
        cycle = self._cycle
        body: bytes = message.get("body", b"")
        headers: list[tuple[bytes, bytes]] = [*cycle.default_headers, *start["headers"]]
        named = dict(headers)
        if (
            message.get("more_body", False)
            or len(body) > _LONGEST_BODY
            or named.get(b"content-length") != b"%d" % len(body)
            or not _NOT_PLAIN.isdisjoint(named)
            or not cycle.keep_alive
            or cycle.disconnected
            or cycle.flow.write_paused
            or cycle.scope["method"] == "HEAD"
        ):
            return None
        lines = b"\r\n".join([name + b": " + value for name, value in headers])
        if lines.count(b"\n") != len(headers) - 1 or lines.count(b"\r") != len(headers) - 1:
            return None  # a header holds an end of line (RFC 9110 5.5): uvicorn refuses it
        if b"\0" in lines:
            return None
        return b"".join((STATUS_LINE[start["status"]], lines, b"\r\n\r\n", body))

    def _finish(self, answer: bytes) -> None:
        """Write it, and leave uvicorn's cycle as it leaves itself after an answer."""
        cycle: Any = self._cycle
        cycle.waiting_for_100_continue = False
        cycle.transport.write(answer)
        cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
