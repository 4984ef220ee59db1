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

from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from chronicle.api.gate import CLIENT_ADDRESS
from chronicle.api.patience import Patience
from chronicle.errors import NotFound, Rejected
from chronicle.security.limits import Budget
from chronicle.security.visitors import Visitor, visitor

if TYPE_CHECKING:
    from chronicle.api.application import Application
    from chronicle.api.challenge import Whom
    from chronicle.auth.tokens import Identity
    from chronicle.users.ports import ProfileRecord


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
        """Who is at the other end: the address, the device, and roughly where that is."""
        address: str = self.scope[CLIENT_ADDRESS]
        agent = self.headers.get("user-agent", "")
        return visitor(address, agent, place=self.app.places.of(address))

    async def stream(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come.

        Raises:
            Rejected: `too_slow` when nothing came for too long, or too little altogether,
                `cut_off` when the client left.
        """
        patience = Patience(self.app.settings, asyncio.get_running_loop().time)
        more = True
        while more:
            message = await patience.wait(self.receive)
            if message["type"] == "http.disconnect":
                raise Rejected("cut_off", "The body ended early; nothing was stored.")
            piece: bytes = message.get("body", b"")
            if piece:
                patience.took(len(piece))
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
    account pays, the route says itself. `challenge` is of whom a solved challenge may be demanded
    first. Before all of that `turns_away` has its say: it raises what refuses the call.
    `for_backends` lets nobody in but other servers, with a service key as their bearer token.
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
    challenge: "Whom | None"
    fresh: bool
    turns_away: "Callable[[Call[Any, Any]], None] | None"
    for_backends: bool

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
        challenge: "Whom | None" = None,
        fresh: bool = False,
        turns_away: "Callable[[Call[Any, Any]], None] | None" = None,
        for_backends: bool = False,
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
                    challenge=challenge,
                    fresh=fresh,
                    turns_away=turns_away,
                    for_backends=for_backends,
                )
            )
            return handler

        return declare


def _what_it_takes(handler: Handler) -> tuple[type[Call[Any, Any]], Any, Any]:
    annotation = next(iter(inspect.signature(handler).parameters.values())).annotation
    body, query = typing.get_args(annotation)
    return typing.get_origin(annotation), body, query
