"""HTTP/1.1 by hand over a plain socket, for requests that no honest client would send."""

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

_DEADLINE_SECONDS = 15.0
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """One answer as it came: header names in lower case, in order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The one header of this name, or None; twice is a fault of the server."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, f"{name} stands {len(found)} times"
        return found[0] if found else None

    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        return msgspec.json.decode(self.body, type=dict[str, object])

    @property
    def code(self) -> object:
        """The `code` of a problem; None for what is none."""
        if self.header("content-type") != "application/problem+json":
            return None
        return self.json()["code"]


class RawConnection:
    """One connection to a server. Every wait ends at a deadline with an error."""

    def __init__(self, port: int, *, deadline_seconds: float = _DEADLINE_SECONDS) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=deadline_seconds)
        self._received = b""

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, *pieces: bytes) -> "RawConnection":
        """Send the pieces, each with a call of its own."""
        for piece in pieces:
            self._socket.sendall(piece)
        return self

    def try_to_send(self, pieces: Iterable[bytes]) -> int:
        """Send until the pieces or the server's patience end; the number of bytes that went out."""
        sent = 0
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            for piece in pieces:
                self._socket.sendall(piece)
                sent += len(piece)
        return sent

    def half_close(self) -> "RawConnection":
        """Say that nothing more will be sent, and go on reading."""
        self._socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        """Break the connection off with a RST, as a crashed client's machine does."""
        linger_zero = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
        self._socket.close()

    def answer(self, *, method: str = "GET") -> RawAnswer:
        """The next answer. ConnectionError when the server closes before it is whole."""
        head = self._until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        pairs = [line.split(":", 1) for line in lines[1:-2]]
        headers = [(name.lower(), value.strip()) for name, value in pairs]
        body = self._body(int(status), dict(headers), method)
        return RawAnswer(int(status), headers, body)

    def answers(self) -> list[RawAnswer]:
        """Every answer up to the server's closing of the connection."""
        found = []
        with contextlib.suppress(ConnectionError):
            while True:
                found.append(self.answer())
        return found

    def is_closed(self) -> bool:
        """Wait for the server to end the connection; anything that it still sends is an error."""
        with contextlib.suppress(ConnectionError):
            return not self._received and self._socket.recv(_PIECE_BYTES) == b""
        return True

    def seconds_until_closed(self) -> float:
        """How long the server keeps the connection; what it sends meanwhile is thrown away."""
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while self._socket.recv(_PIECE_BYTES):
                pass
        return time.monotonic() - began

    def _body(self, status: int, headers: dict[str, str], method: str) -> bytes:
        if method == "HEAD" or status in (204, 304) or status < 200:
            return b""
        if headers.get("transfer-encoding") == "chunked":
            return b"".join(self._chunks())
        return self._exactly(int(headers["content-length"]))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._until(b"\r\n"), 16):
            yield self._exactly(size)
            self._exactly(2)
        self._exactly(2)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._received:
            self._receive()
        end = self._received.index(mark) + len(mark)
        taken, self._received = self._received[:end], self._received[end:]
        return taken

    def _exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            self._receive()
        taken, self._received = self._received[:count], self._received[count:]
        return taken

    def _receive(self) -> None:
        piece = self._socket.recv(_PIECE_BYTES)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._received += piece


def exchange(port: int, *pieces: bytes, method: str = "GET") -> RawAnswer:
    """Send the pieces over a connection of their own, and read one answer."""
    with RawConnection(port) as connection:
        connection.try_to_send(pieces)
        return connection.answer(method=method)


def request(
    method: str,
    target: str | bytes,
    headers: Iterable[tuple[str, str | bytes]] = (),
    body: bytes = b"",
    *,
    host: str = "localhost",
) -> bytes:
    """A whole request with Host and Content-Length, everything else as told."""
    lines = [b"%b %b HTTP/1.1" % (method.encode(), _raw(target)), b"Host: " + host.encode()]
    lines += [b"%b: %b" % (name.encode(), _raw(value)) for name, value in headers]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces in the chunked coding, with its end (RFC 9112 7.1)."""
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _raw(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
