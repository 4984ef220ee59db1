"""`/api/auth/reauthenticate`: proving once more who is there, for what asks for a fresh sign-in."""

from typing import Literal

import msgspec

from chronicle.api.auth import CodeText, PasswordText, TicketText
from chronicle.api.endpoint import Routes, SignedInCall
from chronicle.api.known_devices import device_token, pay_for_mail
from chronicle.api.session_answers import (
    IssuedTicket,
    SessionObject,
    TokenTransport,
    end_former_session,
    refresh_cookie,
    refuse_other_origins,
    render_session,
    render_ticket,
)
from chronicle.auth.sessions import SignedIn
from chronicle.errors import FieldError, Rejected
from chronicle.security import budgets
from chronicle.security.known_devices import Presented
from chronicle.users.emails import parse_email

endpoint = Routes("Sign-in")


class Reauthenticate(msgspec.Struct, forbid_unknown_fields=True):
    """The caller's `password`; or `"method": "code"` with a ticket and its mailed code."""

    password: PasswordText | None = None
    method: Literal["code"] | None = None
    ticket: TicketText | None = None
    code: CodeText | None = None
    token_transport: TokenTransport = "cookie"


@endpoint.post(
    "/api/auth/reauthenticate",
    answers=SessionObject,
    problems=(
        "invalid_credentials",
        "invalid_code",
        "ticket_expired",
        "overloaded",
        "origin_not_allowed",
    ),
    budget=budgets.STEP_UP,
)
async def reauthenticate(call: SignedInCall[Reauthenticate, None]) -> SessionObject:
    """Prove once more who is there: a fresh session in place of this one.

    After five wrong passwords or ten wrong codes in a row this session is over.
    """
    refresh_cookie(call)
    if call.body.token_transport == "cookie":
        refuse_other_origins(call)
    fresh = await _prove(call)
    if call.body.token_transport == "cookie":
        await end_former_session(call)
    return render_session(call, fresh, call.body.token_transport)


async def _prove(call: SignedInCall[Reauthenticate, None]) -> SignedIn:
    body, proofs = call.body, call.app.reauthentication
    device = Presented(device_token(call))
    by_code = (body.method, body.ticket, body.code)
    if body.password is not None and by_code == (None, None, None):
        return await proofs.with_password(call.identity, body.password, call.visitor, device=device)
    if body.method and body.ticket is not None and body.code is not None and body.password is None:
        return await proofs.with_code(
            call.identity, body.ticket, body.code, call.visitor, device=device
        )
    wrong = FieldError("password", "send either password, or method, ticket and code")
    raise Rejected(message=f"{wrong.field}: {wrong.message}", fields=(wrong,))


@endpoint.post(
    "/api/auth/reauthenticate/send-code",
    answers=IssuedTicket,
    status=202,
    budget=budgets.CODE,
)
async def send_reauthentication_code(call: SignedInCall[None, None]) -> IssuedTicket:
    """Mail a code to the caller's own address, for those who have no password.

    The ticket is good for this session alone.
    """
    own = parse_email(call.app.book.in_the_clear(call.account).email)
    await pay_for_mail(call, budgets.CODE, own)
    return render_ticket(await call.app.reauthentication.send_code(call.identity))
