"""The ASGI application: finds the route, runs it, turns failures into problems, logs the answer."""

import asyncio
import logging
import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chronicle.api import (
    auth,
    challenge,
    devices,
    introspection,
    ledger,
    operations,
    overview,
    passwords,
    reauthentication,
    uploads,
    user,
    user_email,
)
from chronicle.api.application import Application
from chronicle.api.caps import Cap
from chronicle.api.cors import Cors
from chronicle.api.endpoint import Endpoint
from chronicle.api.file_headers import RangeNotSatisfiable
from chronicle.api.gate import Gate
from chronicle.api.log_lines import AccessLine, AccessLog
from chronicle.api.openapi import describe_api
from chronicle.api.problems import Answer, describe, internal_error
from chronicle.api.rate_limit import ANSWER_HEADERS
from chronicle.api.request_reading import BODY_IS_LOST
from chronicle.api.runner import Runner
from chronicle.console.pages import CONTENT_SECURITY_POLICY, Console
from chronicle.errors import Failure, NotFound, Overloaded, Rejected, Unavailable
from chronicle.world import id_text

_log = logging.getLogger(__name__)

RESOURCES = (
    auth.endpoint,
    introspection.endpoint,
    devices.endpoint,
    challenge.endpoint,
    reauthentication.endpoint,
    overview.endpoint,
    user.endpoint,
    user_email.endpoint,
    passwords.endpoint,
    uploads.endpoint,
    ledger.endpoint,
    operations.endpoint,
)

_API_POLICY = b"default-src 'none'; frame-ancestors 'none'; sandbox"
_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
}
_PAGE_HEADERS = {
    b"content-security-policy": CONTENT_SECURITY_POLICY.encode(),
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"x-frame-options": b"DENY",
}
_HSTS = {b"strict-transport-security": b"max-age=63072000; includeSubDomains"}


def endpoints() -> list[Endpoint]:
    """Every declared route."""
    return [endpoint for resource in RESOURCES for endpoint in resource.declared]


class MethodNotAllowed(Rejected):
    """The path is known, the method is not; `allowed` are the ones that are."""

    code = "method_not_allowed"

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = sorted(allowed)
        super().__init__(message=f"Here only {', '.join(self.allowed)} can be used.")


class _Router:
    """Paths without parameters by one look-up; the few others by their patterns, in order."""

    def __init__(self, app: Application) -> None:
        self._exact: dict[str, dict[str, ASGIApp]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, ASGIApp]]] = []
        by_path: dict[str, dict[str, ASGIApp]] = {}
        bodies = Cap(app.settings.bodies_per_address * app.settings.limit_scale, "request bodies")
        for endpoint in endpoints():
            methods = by_path.setdefault(endpoint.path, {})
            methods[endpoint.method] = Runner(endpoint, app, bodies)
            if endpoint.method == "GET":
                methods["HEAD"] = methods["GET"]
        for path, methods in by_path.items():
            self.add(path, methods)

    def add(self, path: str, methods: dict[str, ASGIApp]) -> None:
        """Take a path; `{name}` stands for one segment, `{name:path}` for the rest."""
        if "{" not in path:
            self._exact[path] = methods
            return
        pattern = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
        pattern = re.sub(r"{(\w+):path}", r"(?P<\1>.+)", pattern)
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", pattern)
        self._patterns.append((re.compile(pattern), methods))

    def find(self, scope: Scope) -> ASGIApp:
        """The route for a request. NotFound or MethodNotAllowed when there is none."""
        path: str = scope["path"]
        methods = self._exact.get(path)
        if methods is None:
            methods = self._by_pattern(path, scope)
        runner = methods.get(scope["method"])
        if runner is None:
            raise MethodNotAllowed(methods)
        return runner

    def _by_pattern(self, path: str, scope: Scope) -> dict[str, ASGIApp]:
        for pattern, methods in self._patterns:
            match = pattern.fullmatch(path)
            if match:
                scope["path_params"] = match.groupdict()
                return methods
        raise NotFound(message="There is nothing at this address.")


class ChronicleApp:
    """Chronicle over HTTP: the API, its document and the console."""

    def __init__(self, app: Application, access_log: AccessLog) -> None:
        self._app = app
        self._access_log = access_log
        self._gate = Gate(app.settings, app.blocklist)
        self._cors = Cors(app.settings.allowed_origins)
        self._router = _Router(app)
        document = describe_api(endpoints(), app.settings.base_url)
        self._router.add("/openapi.json", dict.fromkeys(("GET", "HEAD"), _fixed(document)))
        self._console = Console()
        always = _HEADERS | (_HSTS if app.settings.base_url.startswith("https://") else {})
        self._api_headers = always | {
            b"content-security-policy": _API_POLICY,
            b"cache-control": b"no-store",
        }
        self._page_headers = always | _PAGE_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        started = time.perf_counter_ns()
        request_id = id_text(self._app.world.new_id())
        exchange = _Exchange(send, request_id)
        try:
            await self._dispatch(scope, receive, exchange)
        except Failure as failure:
            answer = _describe(failure, request_id)
            if answer.status >= 500 and not isinstance(failure, Overloaded):
                _log.warning("%s", failure, exc_info=failure, extra={"request_id": request_id})
            await exchange.answer_problem(answer)
        except Exception:  # noqa: BLE001 - a bug in one request ends that request alone
            _log.exception("a request failed", extra={"request_id": request_id})
            await exchange.answer_problem(internal_error(request_id))
        except asyncio.CancelledError:
            # Only the end of the process cancels a request, when the time to drain is over.
            await exchange.answer_problem(describe(_stopping(), request_id))
        finally:
            self._access_log.write(_line(scope, exchange, started))

    def refuse_connection(self, refusal: Failure) -> bytes:
        """A whole HTTP/1.1 answer to bytes that never became a request; logged like any other."""
        request_id = id_text(self._app.world.new_id())
        answer = describe(refusal, request_id)
        headers = [
            *answer.headers,
            *self._api_headers.items(),
            (b"content-length", str(len(answer.body)).encode()),
            (b"connection", b"close"),
            (b"x-request-id", request_id.encode()),
        ]
        _log.info("%s", refusal, extra={"request_id": request_id})
        status = b"HTTP/1.1 %d %b" % (answer.status, HTTPStatus(answer.status).phrase.encode())
        lines = [status, *(name + b": " + value for name, value in headers)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + answer.body

    async def _dispatch(self, scope: Scope, receive: Receive, exchange: "_Exchange") -> None:
        exchange.defaults = self._api_headers
        if self._cors.is_used:
            # Before the gate, so that a page can read that its address is refused.
            exchange.defaults = {**self._api_headers, **self._cors.headers(scope)}
        scope[ANSWER_HEADERS] = exchange.extra
        self._gate.admit(scope)
        host = _host(scope)
        if BODY_IS_LOST in scope:
            raise Rejected("malformed_request", "Ask for another protocol without a body.")
        # As it was sent: no address here needs an escape, and a second spelling of one would be
        # another path to whatever stands in front of this server.
        raw_path: bytes = scope["raw_path"]
        path = scope["path"] = raw_path.decode("ascii")
        if not path.startswith("/"):
            raise NotFound(message="There is nothing at this address.")
        if path.startswith(_API_PREFIXES):
            preflight = self._cors.preflight(scope) if self._cors.is_used else None
            if preflight is not None:
                await _no_content(preflight, exchange.send)
                return
            await self._router.find(scope)(scope, receive, exchange.send)
            return
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodNotAllowed({"GET", "HEAD"})
        exchange.defaults = self._page_headers
        elsewhere = self._own_address(scope, host)
        if elsewhere:
            await _redirect(elsewhere, exchange.send)
            return
        await self._console(scope, receive, exchange.send)

    def _own_address(self, scope: Scope, host: bytes) -> str | None:
        """Where a page really is, if it was asked for under another name of this machine.

        Cookies and passkeys know one name. Only development has an address that people mistype.
        """
        base_url = self._app.settings.base_url
        own = base_url.partition("://")[2]
        if self._app.settings.production or host.decode("latin-1") in {"", own}:
            return None
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        raw_path: bytes = scope["raw_path"]
        return base_url + (raw_path + query).decode("latin-1")


def _describe(failure: Failure, request_id: str) -> Answer:
    answer = describe(failure, request_id)
    if isinstance(failure, MethodNotAllowed):
        answer.headers.append((b"allow", ", ".join(failure.allowed).encode()))
    if isinstance(failure, RangeNotSatisfiable):
        answer.headers.append((b"content-range", f"bytes */{failure.size}".encode()))
    return answer


def _stopping() -> Unavailable:
    return Unavailable(message="The server is stopping; this was not finished. Try again shortly.")


def _host(scope: Scope) -> bytes:
    """The Host header; RFC 9112 3.2 wants exactly one of a client that speaks HTTP/1.1."""
    version = scope["http_version"]
    if version not in {"1.0", "1.1"}:
        raise Rejected("malformed_request", "This server speaks HTTP/1.1.")
    host: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"host":
            if host is not None:
                raise Rejected("malformed_request", "A request has exactly one Host header.")
            host = value
    if host is None and version == "1.1":
        raise Rejected("malformed_request", "A request has exactly one Host header.")
    return host or b""


_API_PREFIXES = ("/api/", "/health/", "/.well-known/", "/openapi.json")


class _Exchange:
    """One request's answer on its way out: adds the headers that every answer carries."""

    __slots__ = ("_request_id", "_send", "defaults", "extra", "started", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.defaults: Mapping[bytes, bytes] = {b"cache-control": b"no-store"}
        self.extra: list[tuple[bytes, bytes]] = []
        self.started = False
        self.status = 0

    @property
    def request_id(self) -> str:
        return self._request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            own = message["headers"]
            defaults = self.defaults
            for name, _ in own:
                if name in defaults:
                    present = {name for name, _ in own}
                    defaults = {name: defaults[name] for name in defaults if name not in present}
                    break
            request_id = (b"x-request-id", self._request_id.encode())
            message["headers"] = [*own, *defaults.items(), *self.extra, request_id]
        await self._send(message)

    async def answer_problem(self, answer: Answer) -> None:
        if self.started:
            # Half an answer is out: all that is left is to break off, so that nobody takes it
            # for a whole one. The server closes the connection of an answer that is not whole.
            return
        headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
        await self.send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )
        await self.send({"type": "http.response.body", "body": answer.body})


def _line(scope: Scope, exchange: _Exchange, started: int) -> AccessLine:
    client = scope.get("client")
    return AccessLine(
        time=datetime.now(UTC),
        level="info",
        logger="chronicle.access",
        message="request",
        request_id=exchange.request_id,
        method=scope["method"],
        path=scope["path"],
        status=exchange.status,
        milliseconds=(time.perf_counter_ns() - started) // 1000 / 1000,
        client=client[0] if client else None,
    )


def _fixed(document: bytes) -> ASGIApp:
    async def serve(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(document)).encode()),
            (b"cache-control", b"no-cache"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": document})

    return serve


async def _no_content(headers: Mapping[bytes, bytes], send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": [*headers.items()]})
    await send({"type": "http.response.body", "body": b""})


async def _redirect(location: str, send: Send) -> None:
    headers = [(b"location", location.encode("latin-1")), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
