"""Sends one file over a plain socket, straight from the page cache, and prints how long it took.

    python -m bench.upload_client URL TOKEN FILE raw|multipart

Prints the seconds from the first byte sent to the whole answer, and the CID of the answer.
"""

import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

_BOUNDARY = "----chronicle-bench-7d91c2"
_PIECE_BYTES = 8 << 20


def main() -> None:
    """Send what the command line says."""
    url, token, path, form = sys.argv[1:]
    seconds, cid = send(url, token, Path(path), multipart=form == "multipart")
    print(seconds, cid)


def send(url: str, token: str, path: Path, *, multipart: bool) -> tuple[float, str]:
    """Upload a file; seconds, and its CID. RuntimeError when it is not taken."""
    place = urlsplit(url)
    before, after = _around(path.name) if multipart else (b"", b"")
    with path.open("rb") as file, socket.create_connection((place.hostname, place.port)) as link:
        size = path.stat().st_size
        head = _head(place.netloc, token, len(before) + size + len(after), multipart=multipart)
        started = time.perf_counter()
        link.sendall(head + before)
        _send_file(link, file.fileno(), size)
        link.sendall(after)
        answer = _read_answer(link)
        return time.perf_counter() - started, _cid(answer)


def _head(host: str, token: str, length: int, *, multipart: bool) -> bytes:
    target, kind = "/api/web3/uploads", f"multipart/form-data; boundary={_BOUNDARY}"
    if not multipart:
        target += "?visibility=public&name=bench.bin"
        kind = "application/octet-stream"
    return (
        f"POST {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    ).encode()


def _around(name: str) -> tuple[bytes, bytes]:
    """What stands before and after the file's bytes in a form."""
    before = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="visibility"\r\n\r\npublic\r\n'
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return before.encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()


def _send_file(link: socket.socket, file: int, size: int) -> None:
    sent = 0
    while sent < size:
        sent += os.sendfile(link.fileno(), file, sent, min(_PIECE_BYTES, size - sent))


def _read_answer(link: socket.socket) -> bytes:
    received = bytearray()
    while piece := link.recv(65536):
        received += piece
    return bytes(received)


def _cid(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 201 "):
        raise RuntimeError(f"the upload was not taken: {answer[:1000]!r}")
    cid: str = msgspec.json.decode(body)["cid"]
    return cid


if __name__ == "__main__":
    main()
