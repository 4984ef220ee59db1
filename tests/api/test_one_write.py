import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from chronicle.api.one_write import OneWrite

LENGTH = (b"content-length", b"5")


class Transport:
    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def run(*messages: Message, method: str = "GET", keep_alive: bool = True) -> Transport:
    """What an application that sends these messages makes uvicorn write."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    transport: Any = Transport()
    flow: Any = SimpleNamespace(write_paused=False)
    cycle = RequestResponseCycle(
        scope={"type": "http", "method": method},  # type: ignore[typeddict-item]
        transport=transport,
        flow=flow,
        logger=logging.getLogger("uvicorn.error"),
        access_logger=logging.getLogger("uvicorn.access"),
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: transport.writes.append(b"<answered>"),
    )
    await cycle.run_asgi(OneWrite(app, cycle))  # type: ignore[arg-type]
    written: Transport = transport
    return written


async def test_a_whole_answer_leaves_in_one_write() -> None:
    sent = await run(start(LENGTH, (b"x-request-id", b"1")), body(b"hello"))
    head = b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 5\r\nx-request-id: 1\r\n\r\n"
    assert sent.writes == [head + b"hello", b"<answered>"]
    assert not sent.closed


@pytest.mark.parametrize(
    ("messages", "options"),
    [
        ((start(LENGTH), body(b"hel", more=True), body(b"lo")), {}),
        ((start(), body(b"hello")), {}),
        ((start(LENGTH, (b"connection", b"close")), body(b"hello")), {}),
        ((start(LENGTH), body(b"hello")), {"keep_alive": False}),
        ((start((b"content-length", b"70000")), body(b"x" * 70000)), {}),
        ((start((b"transfer-encoding", b"chunked")), body(b"hello")), {}),
    ],
)
async def test_every_other_answer_is_written_as_uvicorn_does(
    messages: tuple[Message, ...], options: dict[str, Any]
) -> None:
    sent = await run(*messages, **options)
    head, *rest = sent.writes
    assert head.startswith(b"HTTP/1.1 200 OK\r\ndate: today\r\n")
    assert head.endswith(b"\r\n\r\n")
    assert len(b"".join(rest)) >= len(b"hello<answered>")


async def test_an_answer_to_head_has_no_body() -> None:
    sent = await run(start(LENGTH), body(b"hello"), method="HEAD")
    assert b"hello" not in b"".join(sent.writes)
    assert b"content-length: 5" in sent.writes[0]


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b"])
async def test_a_header_that_holds_another_is_refused(
    value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    sent = await run(start(LENGTH, (b"x-name", value)), body(b"hello"))
    assert value not in b"".join(sent.writes)
    assert "Invalid HTTP header value" in caplog.text


@pytest.mark.parametrize("content", [b"hell", b"hello!"])
async def test_an_answer_of_another_length_than_it_says_is_broken_off(
    content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    sent = await run(start(LENGTH), body(content))
    assert sent.closed
    assert b"<answered>" not in sent.writes
    assert "than Content-Length" in caplog.text


async def test_an_answer_that_begins_and_never_goes_on_is_broken_off() -> None:
    sent = await run(start(LENGTH))
    assert sent.closed
    assert sent.writes == []


async def test_nothing_follows_a_whole_answer(caplog: pytest.LogCaptureFixture) -> None:
    sent = await run(start(LENGTH), body(b"hello"), body(b"more"))
    assert b"more" not in b"".join(sent.writes)
    assert "after response already completed" in caplog.text
