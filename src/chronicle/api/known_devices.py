"""The cookie by which an account knows a browser: it opens nothing, and outlives the session."""

import logging
from typing import Any

from chronicle.api.cookies import cookie_values, set_cookie
from chronicle.api.endpoint import Call
from chronicle.api.session_answers import SessionObject, TokenTransport, render_session
from chronicle.auth.sessions import SignedIn
from chronicle.errors import Unavailable
from chronicle.security.known_devices import LIFETIME
from chronicle.security.limits import Budget
from chronicle.users.emails import EmailAddress

_log = logging.getLogger(__name__)

DEVICE_COOKIE = "chronicle_device"


def device_token(call: Call[Any, Any]) -> str | None:
    """The token that the browser keeps, or None; None too when there are two of them."""
    found = cookie_values(call, DEVICE_COOKIE)
    return found[0] if len(found) == 1 else None


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
    device_id = await call.app.devices.recognise(
        account.id if account else None, device_token(call), epoch=account.epoch if account else 0
    )
    await call.app.limits.spend_mail(
        budget, email.canonical, call.visitor.address, device_id=device_id
    )


async def welcome(
    call: Call[Any, Any], signed_in: SignedIn, transport: TokenTransport
) -> SessionObject:
    """Answer a granted sign-in; a browser is remembered as a device that the account knows."""
    answer = render_session(call, signed_in, transport)
    if transport == "cookie":
        await _remember(call, signed_in)
    return answer


async def _remember(call: Call[Any, Any], signed_in: SignedIn) -> None:
    try:
        token = await call.app.devices.remember(
            signed_in.account.id, device_token(call), call.visitor, epoch=signed_in.epoch
        )
    except Unavailable:
        # The session is there; a device that is not known has lost nothing but a convenience.
        _log.exception("a device could not be remembered")
        return
    set_cookie(call, DEVICE_COOKIE, token, int(LIFETIME.total_seconds()))
