"""The cookie by which an account knows a browser: it opens nothing, and outlives the session."""

from typing import Any

from chronicle.api import rate_limit
from chronicle.api.cookies import cookie_values, from_another_origin, set_cookie
from chronicle.api.endpoint import Call
from chronicle.api.session_answers import (
    SessionObject,
    TokenTransport,
    end_former_session,
    refuse_other_origins,
    render_session,
)
from chronicle.auth.sessions import SignedIn
from chronicle.security.known_devices import LIFETIME, DeviceToken, Presented
from chronicle.security.limits import Budget
from chronicle.users.emails import EmailAddress

DEVICE_COOKIE = "chronicle_device"

# Where in the scope the answer stands, so that a call works it out once.
_TOKEN = "chronicle.device_token"


def device_token(call: Call[Any, Any]) -> DeviceToken | None:
    """The token that the browser keeps, if it was issued here.

    None too when there are two of them, of which one may be planted, and from a page of another
    origin: what it asks for is a stranger's.
    """
    scope = call.scope
    if _TOKEN not in scope:
        found = cookie_values(call, DEVICE_COOKIE)
        shown = len(found) == 1 and not from_another_origin(call)
        scope[_TOKEN] = call.app.devices.genuine(found[0]) if shown else None
    token: DeviceToken | None = scope[_TOKEN]
    return token


def refuse_when_full(call: Call[Any, Any]) -> None:
    """Unavailable (`overloaded`) when no password can be hashed now: before any work is done."""
    perhaps_known = device_token(call) is not None
    call.app.sign_in.hashing.refuse_when_full(perhaps_known=perhaps_known)


def refuse_strangers_when_full(call: Call[Any, Any]) -> None:
    """The same where no device is known: whoever signs up has no place that is kept for them."""
    call.app.sign_in.hashing.refuse_when_full(perhaps_known=False)


def forget_device_cookie(call: Call[Any, Any]) -> None:
    """Have the browser drop its token."""
    set_cookie(call, DEVICE_COOKIE, "", 0)


async def pay_for_mail(call: Call[Any, Any], budget: Budget, email: EmailAddress) -> None:
    """Have a mail to an address counted: for the device, if the account knows it.

    The same look-ups whether or not there is an account. An address that nobody proved has no
    devices: whoever signs up with somebody else's could make one after the other, and with each
    have more mailed there.

    Raises:
        OverBudget, Unavailable: nothing may be mailed.
    """
    account = await call.app.book.find(email)
    if account is not None and not account.email_verified:
        account = None
    known = await call.app.devices.recognise(
        account.id if account else None, device_token(call), epoch=account.epoch if account else 0
    )
    mail = call.app.limits.spend_mail(
        budget,
        email.canonical,
        call.visitor.address,
        device_id=known.id if known else None,
    )
    await rate_limit.spend(call.scope, mail)


def presented(call: Call[Any, Any], transport: TokenTransport) -> Presented:
    """What the browser shows of itself; a client that wants its tokens in the body keeps none.

    Raises:
        Denied: `origin_not_allowed`: a page of another origin wants a session in a cookie.
    """
    if transport == "cookie":
        refuse_other_origins(call)
    return Presented(device_token(call), keeps=transport == "cookie")


async def welcome(
    call: Call[Any, Any], signed_in: SignedIn, transport: TokenTransport
) -> SessionObject:
    """Answer a granted sign-in; a browser keeps what the account knows it by.

    The session that the browser had before is over: its cookie is overwritten.
    """
    if transport == "cookie":
        await end_former_session(call)
    answer = render_session(call, signed_in, transport)
    if signed_in.device_token is not None:
        set_cookie(call, DEVICE_COOKIE, signed_in.device_token, int(LIFETIME.total_seconds()))
    return answer
