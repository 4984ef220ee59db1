"""A server on this machine that answers `POST /v3/smtp/email` as Brevo's documentation says.

https://developers.brevo.com/reference/send-transac-email, /docs/limit-headers, and
/docs/heterogenous-versions-batch-emails for idempotency keys.
"""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from uuid import UUID

API_KEY = "xkeysib-0123456789abcdef-canary"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the next call gets, whatever it says; `taken` when it is accepted all the same."""

    status: int
    code: str = ""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    taken: bool = False
    cut_off: bool = False


class ScriptedBrevo:
    """The server. `sent` is every mail that it took, once each; `calls` every body it was sent."""

    def __init__(self, port: int = 0) -> None:
        self.sent: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.script: deque[Answer] = deque()
        self.holds = threading.Event()
        self.holds.set()
        self._keys: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def to(self, address: str) -> list[dict[str, Any]]:
        return [mail for mail in self.sent if mail["to"] == [{"email": address}]]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.holds.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, api_key: str | None, body: dict[str, Any]) -> Answer:
        """As documented: the key, the path, what is missing, a key that was used before."""
        with self._lock:
            self.calls.append(body)
            if self.script:
                scripted = self.script.popleft()
                if scripted.taken:
                    self._take(body)
                return scripted
            if api_key != API_KEY:
                return Answer(401, "unauthorized", "Key not found")
            if path != "/v3/smtp/email":
                return Answer(404, "document_not_found", "Invalid route/method passed")
            for name in ("sender", "to", "subject", "htmlContent"):
                if not body.get(name):
                    return Answer(400, "missing_parameter", f"{name} is missing")
            if body["headers"]["idempotencyKey"] in self._keys:
                return Answer(400, "duplicate_parameter", "idempotencyKey was used before")
            self._take(body)
            return Answer(201, raw=b'{"messageId": "<1@smtp-relay.mailin.fr>"}')

    def _take(self, body: dict[str, Any]) -> None:
        self._keys.add(str(UUID(body["headers"]["idempotencyKey"])))
        self.sent.append(body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        brevo = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                answer = brevo.answer(self.path, self.headers["api-key"], body)
                brevo.holds.wait()
                if answer.cut_off:
                    self.close_connection = True
                    return
                problem = {"code": answer.code, "message": answer.message}
                content = json.dumps(problem).encode() if answer.raw is None else answer.raw
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
