"""uvicorn's HTTP/1.1 protocol, with the bounds that it lacks.

On its own it takes header blocks and trailers of any size, waits for them for ever, as it does for
a client that takes nothing of its answer, takes in requests faster than it answers them, reads the
rest of a body whose request was already answered to its end, and answers what is not HTTP in plain
text, in the middle of another answer if need be.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from starlette.datastructures import Headers
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from chronicle.api.caps import Cap
from chronicle.api.client_address import peer_address
from chronicle.api.end_of_turn import GatheringTransport, Outbox
from chronicle.api.plain_answers import PlainAnswers
from chronicle.api.request_reading import BODY_IS_LOST, has_body
from chronicle.errors import Failure, Rejected, TooMany
from chronicle.setting_values import Network

_LARGEST_HEADER_BLOCK = 32 * 1024
_MOST_DISCARDED = 32 * 1024 * 1024
# The longest plain frame of a chunk: sixteen digits and two ends of lines.
_CHUNK_FRAME = 20
# Extensions and trailers mean nothing here (RFC 9112 7.1.1, 7.1.2); this much of them is let pass.
_MOST_CHUNK_EXTRAS = 32 * 1024

Refuse = Callable[[Failure], bytes]


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `refuse` renders a whole answer to what never became a request.

    `cap` counts the connections of each address, all but those of the proxies that are `trusted`.
    """

    def __init__(
        self,
        *args: Any,
        refuse: Refuse,
        header_seconds: float,
        stall_seconds: float,
        outbox: Outbox,
        cap: Cap,
        trusted: Sequence[Network],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._outbox = outbox
        self._refuse = refuse
        self._header_seconds = header_seconds
        self._stall_seconds = stall_seconds
        self._cap = cap
        self._trusted = trusted
        self._counted_as: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        # Between requests counts as in headers: the next byte belongs to a header block.
        self._in_headers = True
        self._header_bytes = 0
        self._body_bytes = 0
        self._chunks = 0
        self._extra_bytes = 0
        self._discarded = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock: the first header block is awaited."""
        super().connection_made(transport)
        self.flow = _OneRequestAhead(transport, self.pipeline)
        self.transport = GatheringTransport(transport, self._outbox)  # type: ignore[assignment]
        self._start_timer()
        self._count()

    def _count(self) -> None:
        """Be one of the connections of this address, or be refused before a byte is read."""
        address = peer_address(self.client, self._trusted)
        if address is None:
            return
        try:
            self._counted_as = self._cap.enter(address)
        except TooMany as refusal:
            self.transport.write(self._refuse(refusal))
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks, and leave the place to another."""
        if self._counted_as is not None:
            self._cap.leave(self._counted_as)
            self._counted_as = None
        self._stop_timer()
        self._stop_stall_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser no more of a header block than it may have."""
        while data and not self.transport.is_closing():
            if not self._in_headers:
                self._feed_body(data)
                return
            room = _LARGEST_HEADER_BLOCK - self._header_bytes
            if room <= 0:
                self._end_with(
                    "header_block_too_large",
                    f"The request line and headers may have at most {_LARGEST_HEADER_BLOCK} bytes.",
                )
                return
            piece, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
            self._header_bytes += len(piece)
            super().data_received(piece)
        if self._in_headers and self._header_bytes and self._timer is None:
            self._start_timer()

    def _feed_body(self, data: bytes) -> None:
        bodies, chunks, began = self._body_bytes, self._chunks, self.cycle
        super().data_received(data)
        if self._in_headers or self.cycle is not began:
            return  # the message ended in here: there is nothing left to bound
        frames = _CHUNK_FRAME * (self._chunks - chunks)
        self._extra_bytes += max(0, len(data) - (self._body_bytes - bodies) - frames)
        if self._extra_bytes > _MOST_CHUNK_EXTRAS:
            self._end_with("malformed_request", "The body's chunks carry too much besides data.")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_headers = True
        self._extra_bytes = 0
        self._discarded = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The header block is whole."""
        self._in_headers = False
        self._header_bytes = 0
        self._stop_timer()
        super().on_headers_complete()
        # Trailers come the same way: merged into the request's headers, they could pose as them.
        self.headers = []

    def on_chunk_header(self) -> None:
        """A chunk begins."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        """Pass the body on, or drop what comes after the answer, for a while and so much of it.

        A sender that reads only when it is done would find a reset connection instead of the
        answer; one that never ends must not be listened to for ever.
        """
        self._body_bytes += len(body)
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
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is out. What is left of its request's body has to come soon."""
        super().on_response_complete()
        if not self._in_headers and self.cycle.response_complete and self._timer is None:
            self._start_timer()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn says it in its own words
        """Refuse what is not HTTP, in the words that every other problem has."""
        self._end_with("malformed_request", "This is not a well-formed HTTP/1.1 request.")

    def _end_with(self, code: str, message: str) -> None:
        """Refuse, and close. Nothing is written into or before another request's answer."""
        unanswered = self.cycle is not None and not self.cycle.response_complete
        if unanswered and self._in_headers:
            self.cycle.keep_alive = False  # the request before this one is still to be answered
            return
        if not (unanswered and self.cycle.response_started):
            self.transport.write(self._refuse(Rejected(code, message)))
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, PlainAnswers(app, cycle))  # type: ignore[arg-type]

    def _unsupported_upgrade_warning(self) -> None:
        # Ignored, as RFC 9110 7.8 allows. The parser takes nothing after the head: no further
        # request, nor the body of this one.
        self.cycle.keep_alive = False
        scope = cast(dict[str, Any], self.cycle.scope)
        if has_body(Headers(scope=scope)):
            scope[BODY_IS_LOST] = True

    def pause_writing(self) -> None:
        """The client has not taken much of what was written; it has so long to go on."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self._stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has taken it."""
        self._stop_stall_timer()
        super().resume_writing()

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self._header_seconds, self._close_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()


class _OneRequestAhead(FlowControl):
    """Reads no further while requests wait their turn: uvicorn reads on after each answer."""

    def __init__(self, transport: asyncio.Transport, waiting: Collection[object]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()
