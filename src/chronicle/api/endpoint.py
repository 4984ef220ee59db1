"""Typed routes: what a route takes and gives is written once, as msgspec types.

    @endpoint.post("/api/auth/login", answers=SessionObject, problems=("invalid_credentials",))
    async def login(call: Call[Login, None]) -> SessionObject:
        '''Sign in with e-mail address and password.'''

`Call[Body, Query]` says what is read from the request. `Body` is a msgspec Struct (JSON, unknown
fields refused), `None` (no body is read) or `Stream` (the route reads the body itself). `Query`
is a Struct of query parameters or `None`. `SignedInCall` also proves who is calling, before a
byte of the body is read. The answer is a Struct or list (JSON), `None` (204), or a Starlette
`Response` where neither fits. The same declarations make the OpenAPI document.
"""

import asyncio
import inspect
import typing
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from chronicle.api import fresh_sign_in, rate_limit, strict_json
from chronicle.api.gate import CLIENT_ADDRESS
from chronicle.errors import FieldError, NotFound, Rejected, TooLarge, Unsupported
from chronicle.security.limits import Budget
from chronicle.security.visitors import Visitor, visitor

if TYPE_CHECKING:
    from chronicle.api.application import Application
    from chronicle.auth.tokens import Identity
    from chronicle.users.ports import ProfileRecord

# A name that was made up is said back, so that it is found; not a megabyte of it.
_LONGEST_FIELD_NAME = 100

BodyT = TypeVar("BodyT")
QueryT = TypeVar("QueryT")


class Stream:
    """As a body type: the route reads `call.stream()` itself, piece by piece."""


class Call(Generic[BodyT, QueryT]):
    """One request to one route."""

    __slots__ = ("answer_headers", "app", "body", "query", "receive", "scope")

    def __init__(self, app: "Application", scope: Scope, receive: Receive) -> None:
        self.app = app
        self.scope = scope
        self.receive = receive
        self.answer_headers: list[tuple[bytes, bytes]] = []
        self.body: BodyT
        self.query: QueryT

    @property
    def headers(self) -> Headers:
        """The request's headers."""
        return Headers(scope=self.scope)

    @property
    def method(self) -> str:
        """The request's method, in capitals."""
        method: str = self.scope["method"]
        return method

    def path(self, name: str) -> str:
        """A named part of the path, as text."""
        value: str = self.scope["path_params"][name]
        return value

    def path_id(self, name: str) -> bytes:
        """A named part of the path that is a UUID, as 16 bytes. NotFound when it is none."""
        text = self.path(name)
        try:
            identifier = uuid.UUID(text)
        except ValueError as error:
            raise NotFound from error
        if str(identifier) != text:
            raise NotFound
        return identifier.bytes

    @property
    def visitor(self) -> Visitor:
        """Who is at the other end: the address and the device."""
        return visitor(self.scope[CLIENT_ADDRESS], self.headers.get("user-agent", ""))

    async def stream(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come.

        Raises:
            Rejected: `too_slow` when nothing came for too long, `cut_off` when the client left.
        """
        patience = self.app.settings.stall_seconds
        more = True
        while more:
            try:
                async with asyncio.timeout(patience):
                    message = await self.receive()
            except TimeoutError as error:
                raise Rejected("too_slow", f"Nothing came for {patience} seconds.") from error
            if message["type"] == "http.disconnect":
                raise Rejected("cut_off", "The body ended early; nothing was stored.")
            piece: bytes = message.get("body", b"")
            if piece:
                yield piece
            more = message.get("more_body", False)


class SignedInCall(Call[BodyT, QueryT]):
    """A request whose access token was checked: `identity` says whose and of which session.

    `account` is what their account said at the moment of the check.
    """

    __slots__ = ("account", "identity")

    account: "ProfileRecord"
    identity: "Identity"


Handler = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route as declared. `problems` are the codes it adds to those any route can answer.

    `also` says when it answers with another status that is no problem, and `also_answers` with
    what, where that is something else. `idempotent` says that it honours an Idempotency-Key,
    `fresh` that it needs a sign-in of the last minutes. `budget` is what it costs: the address pays
    before anything is read, the caller once it is known who that is; what an identifier or an
    account pays, the route says itself.
    """

    method: str
    path: str
    handler: Handler
    answers: Any
    status: int
    body: Any
    query: Any
    call_type: type[Call[Any, Any]]
    problems: tuple[str, ...]
    tag: str
    media_type: str
    request_media: tuple[str, ...]
    body_limit: int | None
    also: Mapping[int, str]
    also_answers: Mapping[int, Any]
    idempotent: bool
    budget: Budget | None
    fresh: bool

    @property
    def signed_in(self) -> bool:
        """Whether an access token is needed."""
        return issubclass(self.call_type, SignedInCall)


@dataclass(slots=True)
class Routes:
    """The routes of one resource, in the order in which they were declared."""

    tag: str
    declared: list[Endpoint] = field(default_factory=list)

    def get(self, path: str, **declaration: Any) -> Callable[[Handler], Handler]:
        """Declare a GET (and with it HEAD) route."""
        return self._declare("GET", path, **declaration)

    def post(self, path: str, **declaration: Any) -> Callable[[Handler], Handler]:
        """Declare a POST route."""
        return self._declare("POST", path, **declaration)

    def patch(self, path: str, **declaration: Any) -> Callable[[Handler], Handler]:
        """Declare a PATCH route."""
        return self._declare("PATCH", path, **declaration)

    def delete(self, path: str, **declaration: Any) -> Callable[[Handler], Handler]:
        """Declare a DELETE route."""
        return self._declare("DELETE", path, **declaration)

    def _declare(
        self,
        method: str,
        path: str,
        *,
        answers: Any = None,
        status: int | None = None,
        problems: tuple[str, ...] = (),
        media_type: str = "application/json",
        request_media: tuple[str, ...] = ("application/json",),
        body_limit: int | None = None,
        also: Mapping[int, str] = MappingProxyType({}),
        also_answers: Mapping[int, Any] = MappingProxyType({}),
        idempotent: bool = False,
        budget: Budget | None = None,
        fresh: bool = False,
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            call_type, body, query = _what_it_takes(handler)
            self.declared.append(
                Endpoint(
                    method=method,
                    path=path,
                    handler=handler,
                    answers=answers,
                    status=status or (200 if answers is not None else 204),
                    body=body,
                    query=query,
                    call_type=call_type,
                    problems=problems,
                    tag=self.tag,
                    media_type=media_type,
                    request_media=request_media,
                    body_limit=body_limit,
                    also=also,
                    also_answers=also_answers,
                    idempotent=idempotent,
                    budget=budget,
                    fresh=fresh,
                )
            )
            return handler

        return declare


def _what_it_takes(handler: Handler) -> tuple[type[Call[Any, Any]], Any, Any]:
    annotation = next(iter(inspect.signature(handler).parameters.values())).annotation
    body, query = typing.get_args(annotation)
    return typing.get_origin(annotation), body, query


class Runner:
    """Runs one declared route as an ASGI application; failures propagate to the caller."""

    __slots__ = ("_app", "_body_limit", "_encode", "_may_take_json", "endpoint")

    def __init__(self, endpoint: Endpoint, app: "Application") -> None:
        self.endpoint = endpoint
        self._app = app
        self._body_limit = endpoint.body_limit or app.settings.json_body_limit
        self._encode = msgspec.json.Encoder().encode
        self._may_take_json = endpoint.body not in {type(None), Stream}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Charge, identify, read, call, answer."""
        endpoint = self.endpoint
        call = endpoint.call_type(self._app, scope, receive)
        budget = endpoint.budget
        if budget is not None and budget.address:
            address: str = scope[CLIENT_ADDRESS]
            await rate_limit.spend(scope, self._app.limits.spend_address(budget, address))
        if isinstance(call, SignedInCall):
            token = bearer_token(scope)
            call.identity, call.account = await self._app.sessions.identify(token)
            if budget is not None and budget.user:
                user = call.identity.account_id
                await rate_limit.spend(scope, self._app.limits.spend_user(budget, user))
            if endpoint.fresh:
                fresh_sign_in.require_fresh(call)
        call.query = read_query(scope, endpoint.query)
        if self._may_take_json and self._takes_json(scope):
            call.body = await self._read_body(scope, receive)
            if isinstance(call, SignedInCall):
                # A body may be sent slowly on purpose: its session can have ended meanwhile.
                call.identity, call.account = await self._app.sessions.identify(token)
        else:
            call.body = None
        result = await endpoint.handler(call)
        if isinstance(result, Response):
            result.raw_headers.extend(call.answer_headers)
            await result(scope, receive, send)
        elif result is None:
            await send(
                {"type": "http.response.start", "status": 204, "headers": call.answer_headers}
            )
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._answer(result, call.answer_headers, send)

    def _takes_json(self, scope: Scope) -> bool:
        return has_body(scope) or type(None) not in typing.get_args(self.endpoint.body)

    async def _answer(self, result: object, headers: list[tuple[bytes, bytes]], send: Send) -> None:
        content = self._encode(result)
        headers.append((b"content-type", b"application/json"))
        headers.append((b"content-length", b"%d" % len(content)))
        await send(
            {
                "type": "http.response.start",
                "status": self.endpoint.status,
                "headers": headers,
            }
        )
        await send({"type": "http.response.body", "body": content})

    async def _read_body(self, scope: Scope, receive: Receive) -> Any:
        media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise Unsupported(message="Send JSON, with Content-Type: application/json.")
        raw = await read_bounded(
            scope, receive, self._body_limit, seconds=self._app.settings.request_seconds
        )
        return convert(strict_json.parse(raw), self.endpoint.body)


def has_body(scope: Scope) -> bool:
    """Whether a body was announced (RFC 9112 6.3)."""
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def read_bounded(scope: Scope, receive: Receive, limit: int, *, seconds: float) -> bytes:
    """The whole body, when it has at most `limit` bytes and comes within so many seconds.

    Raises:
        TooLarge: by its Content-Length, before a byte is read, or by what came.
        Rejected: `too_slow`, or `cut_off` when the client left half way.
    """
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise TooLarge(message=f"The body may have at most {limit} bytes.")
    raw = bytearray()
    try:
        async with asyncio.timeout(seconds):
            more = True
            while more:
                message: Message = await receive()
                if message["type"] == "http.disconnect":
                    raise Rejected("cut_off", "The body ended early.")
                raw += message.get("body", b"")
                if len(raw) > limit:
                    raise TooLarge(message=f"The body may have at most {limit} bytes.")
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise Rejected("too_slow", "The body came too slowly.") from error
    return bytes(raw)


def bearer_token(scope: Scope) -> str | None:
    """The token in `Authorization: Bearer ...` (RFC 6750 2.1), or None."""
    found: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None:
                return None
            found = value
    if found is None or found[:7].lower() != b"bearer ":
        return None
    return found[7:].strip().decode("latin-1")


def read_query(scope: Scope, kind: Any) -> Any:
    """The query parameters as a Struct, or None; unknown and repeated ones are errors."""
    if kind is type(None):
        if scope["query_string"]:
            raise Rejected("invalid_request", "Nothing can be said in the query here.")
        return None
    if not scope["query_string"]:
        return convert({}, kind)
    try:
        pairs = parse_qsl(
            scope["query_string"].decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=50,
        )
    except (ValueError, UnicodeError) as error:
        raise Rejected("invalid_request", "The query string is not well formed.") from error
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise Rejected("invalid_request", "A query parameter stands twice.")
    return convert(parameters, kind, strict=False)


def convert(value: object, kind: Any, *, strict: bool = True) -> Any:
    """A parsed value as the declared type.

    Raises:
        Rejected: `invalid_request`, naming the field.
    """
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        wrong = _field_error(str(error))
        raise Rejected(
            "invalid_request", f"{wrong.field}: {wrong.message}", fields=(wrong,)
        ) from error


def _field_error(text: str) -> FieldError:
    """Take msgspec's sentence apart: "Expected `str`, got `int` - at `$.email`"."""
    message, _, place = text.partition(" - at ")
    name = place.strip("`").removeprefix("$").removeprefix(".")
    if "unknown field `" in message or "missing required field `" in message:
        inner = message.split("`")[1]
        name = f"{name}.{inner}" if name else inner
        message = "is not a known field" if "unknown" in message else "is required"
    return FieldError(name[:_LONGEST_FIELD_NAME] or "body", message)
