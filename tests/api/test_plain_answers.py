import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from chronicle.api.plain_answers import PlainAnswers

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
    await cycle.run_asgi(PlainAnswers(app, cycle))  # type: ignore[arg-type]
    written: Transport = transport
    return written


HEAD = b"HTTP/1.1 200 OK\r\ndate: today\r\n"


async def test_a_plain_answer_has_its_headers_as_given() -> None:
    sent = await run(start(LENGTH, (b"set-cookie", b"a"), (b"set-cookie", b"b")), body(b"hello"))
    headers = b"content-length: 5\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n"
    assert sent.writes == [HEAD + headers, b"hello", b"<answered>"]
    assert not sent.closed


async def test_a_plain_answer_may_come_in_pieces() -> None:
    sent = await run(start(LENGTH), body(b"hel", more=True), body(b"lo"))
    assert sent.writes == [HEAD + b"content-length: 5\r\n\r\n", b"hel", b"lo", b"<answered>"]


async def test_an_answer_to_head_has_no_body() -> None:
    sent = await run(start(LENGTH), body(b"hello"), method="HEAD")
    assert sent.writes == [HEAD + b"content-length: 5\r\n\r\n", b"<answered>"]


@pytest.mark.parametrize(
    ("headers", "options", "expected"),
    [
        ((), {}, b"transfer-encoding: chunked\r\n\r\n"),
        ((LENGTH, (b"connection", b"close")), {}, b"connection: close\r\n\r\n"),
        ((LENGTH,), {"keep_alive": False}, b"connection: close\r\n\r\n"),
    ],
)
async def test_every_other_head_is_uvicorns(
    headers: tuple[tuple[bytes, bytes], ...], options: dict[str, Any], expected: bytes
) -> None:
    sent = await run(start(*headers), body(b"hello"), **options)
    assert sent.writes[0].startswith(HEAD)
    assert sent.writes[0].endswith(expected)
    assert b"hello" in b"".join(sent.writes)


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


async def test_nothing_follows_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    sent = await run(start(LENGTH), body(b"hello"), body(b"more"))
    assert b"more" not in b"".join(sent.writes)
    assert "after response already completed" in caplog.text
