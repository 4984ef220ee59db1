"""A scripted copy of the range API, over real HTTP, and a port that a test can break."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.fakes.faults import Faults


@dataclass
class RangeApi:
    """Answers what `body`, `status` and `stalled` say, and keeps what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    stalled: threading.Event | None = None
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def range_api() -> Iterator[RangeApi]:
    """A range API on a free port of this machine."""
    api = RangeApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.paths.append(self.path)
            api.headers.append({name.lower(): value for name, value in self.headers.items()})
            if api.stalled:
                api.stalled.wait()
            self.send_response(api.status)
            self.send_header("Content-Length", str(len(api.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            with suppress(ConnectionError):  # a client that has read enough hangs up
                self.wfile.write(api.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield api
    finally:
        if api.stalled:
            api.stalled.set()
        server.shutdown()
        thread.join()
        server.server_close()


class ListedBreaches:
    """`auth.ports.BreachedPasswords` from a set. `asked` is what it was asked, answered or not."""

    def __init__(self, *passwords: str) -> None:
        self.faults = Faults()
        self.passwords = set(passwords)
        self.asked: list[str] = []

    async def contains(self, password: str) -> bool:
        self.asked.append(password)
        return await self.faults.through("breaches.contains", lambda: password in self.passwords)
