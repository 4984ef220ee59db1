"""`/api/auth`: signing up, signing in, carrying a session on and ending it."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from starlette.responses import Response

from chronicle.api import rate_limit
from chronicle.api.challenge import Whom
from chronicle.api.endpoint import Call, Routes, SignedInCall
from chronicle.api.known_devices import (
    pay_for_mail,
    presented,
    refuse_strangers_when_full,
    refuse_when_full,
    welcome,
)
from chronicle.api.lists import ListQuery
from chronicle.api.request_reading import bearer_token
from chronicle.api.session_answers import (
    IssuedTicket,
    NewSession,
    SessionObject,
    TokenTransport,
    refresh_cookie,
    render_session,
    render_ticket,
    set_refresh_cookie,
)
from chronicle.auth.ports import SessionId
from chronicle.auth.sessions import FOREIGN_TOKEN_LIFETIME, ListedSession, SessionPage
from chronicle.auth.tokens import JWKS_SECONDS, Identity
from chronicle.errors import FieldError, Rejected, Unauthenticated
from chronicle.security import budgets
from chronicle.setting_choices import Registration
from chronicle.users.emails import EmailAddress, parse_email, parse_new_email
from chronicle.users.names import parse_name

endpoint = Routes("Sign-in")

# Bounds on what is read at all; what may be set is the domain's to say.
EmailText = Annotated[str, msgspec.Meta(max_length=320)]
PasswordText = Annotated[str, msgspec.Meta(max_length=1024)]
NameText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
TicketText = Annotated[str, msgspec.Meta(max_length=128)]
CodeText = Annotated[str, msgspec.Meta(max_length=32)]
TokenText = Annotated[str, msgspec.Meta(max_length=128)]


class Register(msgspec.Struct, forbid_unknown_fields=True):
    """Who signs up. Passwords have 15 to 256 code points.

    `token_transport` is for servers that answer with a session at once.
    """

    email: EmailText
    password: PasswordText
    name: NameText | None = None
    token_transport: TokenTransport = "cookie"


class VerifyCode(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket, and either the mailed code as typed or the mailed link's `token`."""

    ticket: TicketText
    code: CodeText | None = None
    token: TokenText | None = None
    token_transport: TokenTransport = "cookie"


class Resend(msgspec.Struct, forbid_unknown_fields=True):
    """The ticket of a sign-up."""

    ticket: TicketText


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """Address and password."""

    email: EmailText
    password: PasswordText
    token_transport: TokenTransport = "cookie"


class LoginCode(msgspec.Struct, forbid_unknown_fields=True):
    """Where to mail the code."""

    email: EmailText


class Refresh(msgspec.Struct, forbid_unknown_fields=True):
    """The refresh token, for clients that keep it themselves; browsers send their cookie."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=256)]


class ForAudience(msgspec.Struct, forbid_unknown_fields=True):
    """Which backend: one of CHRONICLE_AUDIENCES."""

    audience: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class ForeignToken(msgspec.Struct):
    """A Bridge JWT for another audience. `expires_in` is in seconds."""

    access_token: str
    token_type: str
    expires_in: int


class SessionInfo(msgspec.Struct):
    """A signed-in device. `last_used_at` is when it last refreshed its tokens.

    `place` is roughly where its address is, as "Lyon, France"; null where that is not known.
    """

    id: str
    device: str
    ip: str
    place: str | None
    created_at: datetime
    last_used_at: datetime
    current: bool


class SessionList(msgspec.Struct):
    """Sessions, newest first."""

    items: list[SessionInfo]
    next_cursor: str | None


@endpoint.post(
    "/api/auth/register",
    answers=IssuedTicket,
    status=202,
    also={201: "With `CHRONICLE_REGISTRATION=immediate`: the account is made and signed in."},
    also_answers={201: NewSession},
    problems=("email_taken", "look_alike", "overloaded", "origin_not_allowed", "unavailable"),
    budget=budgets.REGISTER,
    challenge=Whom.EVERYBODY,
    turns_away=refuse_strangers_when_full,
)
async def register(call: Call[Register, None]) -> IssuedTicket | Response:
    """Start a sign-up: a code is mailed to the address.

    The answer is the same when the address has an account; its owner then gets a mail that says
    so. No account exists before the code is entered.

    With `CHRONICLE_REGISTRATION=immediate` the account is made at once, unverified, and signed in;
    `email_verification` is the ticket for the code that is mailed. An address that has an account
    is then refused: 409 `email_taken`.
    """
    email = parse_new_email(call.body.email)
    name = None if call.body.name is None else parse_name(call.body.name)
    mail = call.app.limits.spend_mail(budgets.REGISTER, email.canonical, call.visitor.address)
    await rate_limit.spend(call.scope, mail)
    if call.app.settings.registration is Registration.IMMEDIATE:
        return await _register_at_once(call, email, name)
    issued = await call.app.registration.start(email, call.body.password, name)
    return render_ticket(issued)


async def _register_at_once(
    call: Call[Register, None], email: EmailAddress, name: str | None
) -> Response:
    body = call.body
    signed_in, issued = await call.app.immediate_registration.sign_up(
        email, body.password, name, call.visitor, device=presented(call, body.token_transport)
    )
    session = await welcome(call, signed_in, body.token_transport)
    answer = NewSession(**msgspec.structs.asdict(session), email_verification=render_ticket(issued))
    return Response(msgspec.json.encode(answer), 201, media_type="application/json")


@endpoint.post(
    "/api/auth/register/verify",
    answers=SessionObject,
    status=201,
    problems=(
        "invalid_code",
        "invalid_mailed_token",
        "ticket_expired",
        "email_taken",
        "origin_not_allowed",
        "unavailable",
    ),
    budget=budgets.GUESS,
)
async def verify_registration(call: Call[VerifyCode, None]) -> SessionObject:
    """Finish a sign-up with the mailed code or link: the account is made and signed in."""
    registration, body = call.app.registration, call.body
    device = presented(call, body.token_transport)
    proof, is_link = code_or_link(body.code, body.token)
    finish = registration.finish_with_link if is_link else registration.finish
    signed_in = await finish(body.ticket, proof, call.visitor, device=device)
    return await welcome(call, signed_in, call.body.token_transport)


@endpoint.post(
    "/api/auth/register/resend",
    answers=IssuedTicket,
    status=202,
    problems=("ticket_expired", "too_many_attempts", "unavailable"),
    budget=budgets.CODE,
    challenge=Whom.EVERYBODY,
)
async def resend_code(call: Call[Resend, None]) -> IssuedTicket:
    """Mail another code, at most one a minute. The old one no longer works."""
    email = await call.app.registration.resends_to(call.body.ticket)
    mail = call.app.limits.spend_mail(budgets.CODE, email.canonical, call.visitor.address)
    await rate_limit.spend(call.scope, mail)
    return render_ticket(await call.app.registration.resend(call.body.ticket))


@endpoint.post(
    "/api/auth/login",
    answers=SessionObject,
    problems=("invalid_credentials", "overloaded", "origin_not_allowed", "unavailable"),
    budget=budgets.SIGN_IN,
    challenge=Whom.ALL_BUT_KNOWN_DEVICES,
    turns_away=refuse_when_full,
)
async def login(call: Call[Login, None]) -> SessionObject:
    """Sign in with address and password.

    After five wrong passwords in a row comes a pause that grows: 1, 5, 15, 60 minutes. It is the
    same for an address without an account. A browser that signed in before is not held up by it.
    """
    email = parse_email(call.body.email)
    signed_in = await call.app.sign_in.with_password(
        email, call.body.password, call.visitor, device=presented(call, call.body.token_transport)
    )
    return await welcome(call, signed_in, call.body.token_transport)


@endpoint.post(
    "/api/auth/login/code",
    answers=IssuedTicket,
    status=202,
    problems=("unavailable",),
    budget=budgets.CODE,
    challenge=Whom.ALL_BUT_KNOWN_DEVICES,
)
async def start_code_login(call: Call[LoginCode, None]) -> IssuedTicket:
    """Mail a code and a link to sign in with; the same answer for an address without an account."""
    email = parse_email(call.body.email)
    await pay_for_mail(call, budgets.CODE, email)
    return render_ticket(await call.app.code_sign_in.start(email))


@endpoint.post(
    "/api/auth/login/code/verify",
    answers=SessionObject,
    problems=(
        "invalid_code",
        "invalid_mailed_token",
        "ticket_expired",
        "origin_not_allowed",
        "unavailable",
    ),
    budget=budgets.GUESS,
)
async def verify_code_login(call: Call[VerifyCode, None]) -> SessionObject:
    """Sign in with the mailed code or link, where the ticket is."""
    sign_in, body = call.app.code_sign_in, call.body
    device = presented(call, body.token_transport)
    proof, is_link = code_or_link(body.code, body.token)
    finish = sign_in.finish_with_link if is_link else sign_in.finish
    signed_in = await finish(body.ticket, proof, call.visitor, device=device)
    return await welcome(call, signed_in, call.body.token_transport)


@endpoint.post(
    "/api/auth/refresh",
    answers=SessionObject,
    problems=("invalid_token", "origin_not_allowed", "unavailable"),
    budget=budgets.REFRESH,
)
async def refresh(call: Call[Refresh | None, None]) -> SessionObject:
    """Exchange the refresh token for the next one and a new access token.

    Each is good once; one that was used before ends the session. The new one comes back the way
    the old one came.
    """
    if call.body is not None:
        rotated = await call.app.sessions.rotate(call.body.refresh_token, call.visitor)
        return render_session(call, rotated, "body")
    presented = refresh_cookie(call)
    if presented is None:
        raise Unauthenticated
    rotated = await call.app.sessions.rotate(presented, call.visitor)
    return render_session(call, rotated, "cookie")


@endpoint.post(
    "/api/auth/token",
    answers=ForeignToken,
    problems=("audience_not_allowed",),
    budget=budgets.REFRESH,
)
async def token(call: SignedInCall[ForAudience, None]) -> ForeignToken:
    """An access token for another backend, which checks it alone by the JWK set."""
    access_token = call.app.sessions.token_for(call.identity, call.body.audience)
    return ForeignToken(access_token, "Bearer", int(FOREIGN_TOKEN_LIFETIME.total_seconds()))


@endpoint.post("/api/auth/logout", problems=("invalid_token", "origin_not_allowed", "unavailable"))
async def logout(call: Call[None, None]) -> None:
    """End this session: its access and refresh tokens are dead when the answer comes.

    Which session: the one of the access token, and the one of the browser's cookie, if that is
    another.
    """
    access_token = bearer_token(call.scope)
    try:
        cookie = refresh_cookie(call)
    except Unauthenticated:
        # It stands twice. Neither of the two ends, but the caller's own session does.
        if access_token is None:
            raise
        cookie = None
    if access_token is not None:
        identity, _account = await call.app.sessions.identify(access_token)
        await call.app.sessions.end(identity.session_id, "logout")
    elif cookie is None:
        raise Unauthenticated
    await _end_cookie(call, cookie)


@endpoint.post("/api/auth/logout-all", problems=("origin_not_allowed",))
async def logout_all(call: SignedInCall[None, None]) -> None:
    """End every session of the caller, this one too, and the one of the browser's cookie."""
    cookie = refresh_cookie(call)
    await call.app.sign_out.everywhere(call.identity.account_id)
    await _end_cookie(call, cookie)


@endpoint.post("/api/auth/logout-others", problems=("unavailable",))
async def logout_others(call: SignedInCall[None, None]) -> None:
    """End every session of the caller but this one: all at once, on every server.

    Sign-ins that are under way end with them.
    """
    await call.app.sign_out.elsewhere(call.identity)


async def _end_cookie(call: Call[Any, Any], cookie: str | None) -> None:
    """Take the cookie away, and with it its session, which may be another than the caller's."""
    if cookie is not None:
        await call.app.sessions.end_by_refresh_token(cookie)
        set_refresh_cookie(call, "", 0)


@endpoint.get("/api/auth/sessions", answers=SessionList, problems=("invalid_cursor",))
async def list_sessions(call: SignedInCall[None, ListQuery]) -> SessionList:
    """The caller's live sessions, newest first: each is one signed-in device."""
    page = await call.app.sessions.page(
        call.identity.account_id, cursor=call.query.cursor, limit=call.query.limit
    )
    return render_sessions(page, call.identity)


@endpoint.delete("/api/auth/sessions/{id}", problems=("not_found",))
async def end_session(call: SignedInCall[None, None]) -> None:
    """End one of the caller's sessions: its tokens are dead when the answer comes."""
    session_id = SessionId(call.path_id("id"))
    await call.app.sessions.end_own(call.identity.account_id, session_id)


@endpoint.get("/.well-known/jwks.json", answers=dict[str, list[dict[str, str]]])
async def jwks(call: Call[None, None]) -> dict[str, list[dict[str, str]]]:
    """The public keys that verify access tokens, as a JWK set (RFC 7517).

    Keys that don't sign yet, or any more, are in it, so it may be kept for `max-age`.
    """
    call.answer_headers.append((b"cache-control", b"public, max-age=%d" % JWKS_SECONDS))
    return call.app.sessions.access_tokens.jwks()


def code_or_link(code: str | None, token: str | None) -> tuple[str, bool]:
    """The one of both that was sent, and whether it is the link's token. Else Rejected."""
    if code is not None and token is None:
        return code, False
    if token is not None and code is None:
        return token, True
    wrong = FieldError("code", "send either code or token")
    raise Rejected(message=f"{wrong.field}: {wrong.message}", fields=(wrong,))


def render_sessions(page: SessionPage, identity: Identity) -> SessionList:
    """Sessions as their owner gets them; that of the call is `current`."""
    items = [_render_listed(session, identity) for session in page.sessions]
    return SessionList(items, page.next_cursor)


def _render_listed(session: ListedSession, identity: Identity) -> SessionInfo:
    return SessionInfo(
        id=str(UUID(bytes=session.id)),
        device=session.visitor.device,
        ip=session.visitor.address,
        place=session.visitor.place,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        current=session.id == identity.session_id,
    )
