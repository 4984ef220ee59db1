"""How a session reaches a client: the session object, and the refresh token by cookie or body."""

import logging
from datetime import datetime
from typing import Any, Literal

import msgspec

from chronicle.api.cookies import cookie_values, from_another_origin, set_cookie
from chronicle.api.endpoint import Call
from chronicle.auth.mailed_codes import TicketIssued
from chronicle.auth.sessions import SignedIn
from chronicle.errors import Denied, Unauthenticated, Unavailable
from chronicle.users.accounts import Account
from chronicle.world import id_text

_log = logging.getLogger(__name__)

TokenTransport = Literal["cookie", "body"]

_COOKIE = "chronicle_refresh"


class Profile(msgspec.Struct):
    """An account as its owner sees it."""

    id: str
    email: str
    email_verified: bool
    name: str | None
    locale: str | None
    timezone: str | None
    avatar_url: str | None
    created_at: datetime
    updated_at: datetime


class SessionObject(msgspec.Struct, omit_defaults=True):
    """A granted session. `refresh_token` only for `"token_transport": "body"`."""

    access_token: str
    token_type: str
    expires_in: int
    session_id: str
    user: Profile
    refresh_token: str | None = None


class IssuedTicket(msgspec.Struct):
    """A ticket for the next step. Durations are in seconds."""

    ticket: str
    expires_in: int
    resend_after: int


class NewSession(SessionObject):
    """The session of an account that was made at once.

    `email_verification` is the ticket for `POST /api/auth/user/email/verify`, whose code is mailed.
    """

    email_verification: IssuedTicket | None = None


def render_ticket(issued: TicketIssued) -> IssuedTicket:
    """A ticket as the client gets it."""
    return IssuedTicket(
        ticket=issued.ticket,
        expires_in=int(issued.expires_in.total_seconds()),
        resend_after=int(issued.resend_after.total_seconds()),
    )


def render_profile(account: Account) -> Profile:
    """The account as its owner sees it."""
    return Profile(
        id=id_text(account.id),
        email=account.email,
        email_verified=account.email_verified,
        name=account.name,
        locale=account.locale,
        timezone=account.timezone,
        avatar_url=None,
        created_at=account.created_at,
        updated_at=account.updated_at,
    )


def render_session(
    call: Call[Any, Any], signed_in: SignedIn, transport: TokenTransport
) -> SessionObject:
    """The session object; the refresh token goes where the client asked."""
    in_body = transport == "body"
    if not in_body:
        left = signed_in.refresh_expires_at - call.app.world.now()
        set_refresh_cookie(call, signed_in.refresh_token, int(left.total_seconds()))
    return SessionObject(
        access_token=signed_in.access_token,
        token_type="Bearer",
        expires_in=signed_in.access_token_seconds,
        session_id=id_text(signed_in.session_id),
        user=render_profile(signed_in.account),
        refresh_token=signed_in.refresh_token if in_body else None,
    )


def refresh_cookie(call: Call[Any, Any]) -> str | None:
    """The refresh token in the cookie, or None.

    Raises:
        Denied: `origin_not_allowed`: a page of another origin sends it (RFC 6454).
        Unauthenticated: the cookie stands twice: one may have been planted by a sibling domain.
    """
    found = cookie_values(call, _COOKIE)
    if not found:
        return None
    refuse_other_origins(call)
    if len(found) > 1:
        raise Unauthenticated
    return found[0]


async def end_former_session(call: Call[Any, Any]) -> None:
    """End the session that stands in the browser's cookie, before another one takes its place.

    Of two cookies one may be planted: then none ends. What can't be ended is listed for its owner.
    """
    found = cookie_values(call, _COOKIE)
    if len(found) == 1:
        try:
            await call.app.sessions.end_by_refresh_token(found[0])
        except Unavailable:
            _log.warning("the session that a browser had before could not be ended")


def refuse_other_origins(call: Call[Any, Any]) -> None:
    """Keep pages of another origin from a session in a cookie: from using it, and from setting it.

    A page that could set it could have people act in an account of its choice.

    Raises:
        Denied: `origin_not_allowed`: the page's origin is not the base URL's (RFC 6454).
    """
    if from_another_origin(call):
        raise Denied(
            "origin_not_allowed",
            f"A session in a cookie is for pages of {call.app.settings.base_url}: open this page "
            'there. An application of another origin sends "token_transport": "body".',
        )


def set_refresh_cookie(call: Call[Any, Any], token: str, seconds: int) -> None:
    """Put the refresh token into the browser's cookie; zero seconds takes it away."""
    set_cookie(call, _COOKIE, token, seconds)
