"""Runs a declared route: what every call goes through, in this order."""

import typing
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chronicle.api import fresh_sign_in, rate_limit, strict_json
from chronicle.api.caps import Cap
from chronicle.api.endpoint import Call, Endpoint, SignedInCall, Stream
from chronicle.api.gate import CLIENT_ADDRESS
from chronicle.api.request_reading import (
    BODY_IS_HERE,
    bearer_token,
    convert,
    has_body,
    read_bounded,
    read_form,
    read_query,
)
from chronicle.errors import Unsupported

if TYPE_CHECKING:
    from chronicle.api.application import Application


_FORM = "application/x-www-form-urlencoded"


class Runner:
    """Runs one declared route as an ASGI application; failures propagate to the caller."""

    __slots__ = (
        "_app",
        "_bodies",
        "_body_is_optional",
        "_body_limit",
        "_encode",
        "_may_take_json",
        "_media_types",
        "endpoint",
    )

    def __init__(self, endpoint: Endpoint, app: "Application", bodies: Cap) -> None:
        """`bodies` counts what is being sent to all routes."""
        self.endpoint = endpoint
        self._app = app
        self._bodies = bodies
        self._body_limit = endpoint.body_limit or app.settings.json_body_limit
        self._media_types = frozenset(endpoint.request_media)
        self._encode = msgspec.json.Encoder().encode
        self._may_take_json = endpoint.body not in {type(None), Stream}
        self._body_is_optional = type(None) in typing.get_args(endpoint.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn away, charge, identify, read, call, answer."""
        endpoint = self.endpoint
        call = endpoint.call_type(self._app, scope, receive)
        if endpoint.turns_away is not None:
            endpoint.turns_away(call)
        if endpoint.for_backends:
            self._app.introspection.demand(bearer_token(scope))
        admission = None
        if endpoint.challenge is not None:
            admission = await self._app.challenges.admit(call, endpoint.challenge)
        budget = endpoint.budget
        if budget is not None and budget.address:
            address: str = scope[CLIENT_ADDRESS]
            await rate_limit.spend(scope, self._app.limits.spend_address(budget, address))
        if isinstance(call, SignedInCall):
            await self._identify(call)
        call.query = read_query(scope, endpoint.query)
        call.body = None
        if self._may_take_json:
            await self._read(call, receive)
        if endpoint.body is Stream:
            with self._bodies.one(scope[CLIENT_ADDRESS]):
                result = await endpoint.handler(call)
        elif admission is not None:
            result = await self._app.challenges.run(endpoint, call, admission)
        else:
            result = await endpoint.handler(call)
        await self._send(result, call, receive, send)

    async def _identify(self, call: SignedInCall[Any, Any]) -> None:
        endpoint, scope = self.endpoint, call.scope
        call.identity, call.account = await self._app.sessions.identify(bearer_token(scope))
        budget = endpoint.budget
        if budget is not None and budget.user:
            user = call.identity.account_id
            await rate_limit.spend(scope, self._app.limits.spend_user(budget, user))
        if endpoint.fresh:
            fresh_sign_in.require_fresh(call)

    async def _read(self, call: Call[Any, Any], receive: Receive) -> None:
        scope = call.scope
        headers = Headers(scope=scope)
        if self._body_is_optional and not has_body(headers):
            return
        with self._bodies.one(scope[CLIENT_ADDRESS]):
            call.body = await self._read_body(scope, headers, receive)
        if isinstance(call, SignedInCall):
            # A body may be sent slowly on purpose: its session can have ended meanwhile.
            token = bearer_token(scope)
            call.identity, call.account = await self._app.sessions.identify(token)

    async def _send(
        self, result: object, call: Call[Any, Any], receive: Receive, send: Send
    ) -> None:
        scope = call.scope
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

    async def _read_body(self, scope: Scope, headers: Headers, receive: Receive) -> Any:
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in self._media_types:
            known = " or ".join(self.endpoint.request_media)
            raise Unsupported(message=f"Send this with Content-Type: {known}.")
        seconds = None if BODY_IS_HERE in scope else self._app.settings.request_seconds
        raw = await read_bounded(headers, receive, self._body_limit, seconds=seconds)
        parsed = read_form(raw) if media_type == _FORM else strict_json.parse(raw)
        return convert(parsed, self.endpoint.body)
