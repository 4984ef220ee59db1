"""HTTP by hand, so that the client costs little beside what it measures."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer: its status, its whole text, and how long it took."""

    status: int
    text: bytes
    milliseconds: float

    def cookie(self, name: str) -> str | None:
        """The value of a cookie that it sets."""
        _, found, rest = self.text.partition(b"\r\nset-cookie: " + name.encode() + b"=")
        return rest.partition(b";")[0].decode() if found else None

    @property
    def json(self) -> dict[str, str]:
        """Its body."""
        body: dict[str, str] = json.loads(self.text.partition(b"\r\n\r\n")[2])
        return body


def get(path: str, token: str) -> bytes:
    """The bytes of a signed-in read."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, body: dict[str, str], cookie: str = "") -> bytes:
    """The bytes of a call with a JSON body."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Cookie: {cookie}\r\n" if cookie else ""
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


class Connection:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, url: str) -> Self:
        """A new connection to a server."""
        where = urlsplit(url)
        return cls(*await asyncio.open_connection(where.hostname, where.port))

    async def ask(self, request: bytes) -> Timed:
        """Send a request, read the whole answer."""
        started = time.perf_counter_ns()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        _, _, length = head.partition(b"\r\ncontent-length: ")
        body = await self._reader.readexactly(int(length.partition(b"\r\n")[0] or 0))
        taken = (time.perf_counter_ns() - started) / 1e6
        return Timed(int(head[9:12]), head + body, taken)

    def close(self) -> None:
        """Let it go."""
        self._writer.close()
