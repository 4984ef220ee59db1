"""`/api/auth/password`, `/api/auth/unlock` and `/api/auth/report`: passwords, mailed links."""

import msgspec

from chronicle.api.auth import (
    CodeText,
    EmailText,
    PasswordText,
    TicketText,
    TokenText,
)
from chronicle.api.challenge import Whom
from chronicle.api.endpoint import Call, Routes, SignedInCall
from chronicle.api.known_devices import device_token, pay_for_mail
from chronicle.api.session_answers import IssuedTicket, render_ticket
from chronicle.errors import FieldError, Rejected
from chronicle.security import budgets
from chronicle.users.emails import parse_email

endpoint = Routes("Password")


class ChangePassword(msgspec.Struct, forbid_unknown_fields=True):
    """The password as it is, and the one to set (15 to 256 code points)."""

    password: PasswordText
    new_password: PasswordText


class ForgottenPassword(msgspec.Struct, forbid_unknown_fields=True):
    """Whose password was forgotten."""

    email: EmailText


class ResetPassword(msgspec.Struct, forbid_unknown_fields=True):
    """The password to set, with `ticket` and `code`, or with the mailed link's `token`."""

    password: PasswordText
    ticket: TicketText | None = None
    code: CodeText | None = None
    token: TokenText | None = None


class Unlock(msgspec.Struct, forbid_unknown_fields=True):
    """The token of the mail that told of the lock."""

    token: TokenText


class ReportStranger(msgspec.Struct, forbid_unknown_fields=True):
    """The token of a notice's "this wasn't me" link."""

    token: TokenText


@endpoint.post(
    "/api/auth/password/change",
    problems=("invalid_credentials", "edited_meanwhile", "overloaded", "unavailable"),
    budget=budgets.STEP_UP,
)
async def change_password(call: SignedInCall[ChangePassword, None]) -> None:
    """Set another password; every other session of the account is over.

    After five wrong passwords in a row this session is over, too.
    """
    await call.app.credentials.change_password(
        call.identity, call.body.password, call.body.new_password, call.visitor
    )


@endpoint.post(
    "/api/auth/password/forgot",
    answers=IssuedTicket,
    status=202,
    problems=("unavailable",),
    budget=budgets.RESET,
    challenge=Whom.ALL_BUT_KNOWN_DEVICES,
)
async def forgot_password(call: Call[ForgottenPassword, None]) -> IssuedTicket:
    """Mail a code and a link for setting another password.

    The answer is the same whether or not the address has an account.
    """
    email = parse_email(call.body.email)
    await pay_for_mail(call, budgets.RESET, email)
    return render_ticket(await call.app.password_reset.start(email))


@endpoint.post(
    "/api/auth/password/reset",
    problems=("invalid_code", "ticket_expired", "invalid_reset_token", "overloaded", "unavailable"),
    budget=budgets.GUESS,
)
async def reset_password(call: Call[ResetPassword, None]) -> None:
    """Set another password with the mailed code or link. Every session ends; none is given.

    Every known device is forgotten, but for the browser that this comes from.
    """
    reset, body, device = call.app.password_reset, call.body, device_token(call)
    if body.token is not None and body.ticket is None and body.code is None:
        await reset.finish_with_token(body.token, body.password, call.visitor, device_token=device)
    elif body.ticket is not None and body.code is not None and body.token is None:
        await reset.finish_with_code(
            body.ticket, body.code, body.password, call.visitor, device_token=device
        )
    else:
        wrong = FieldError("token", "send either token, or ticket and code")
        raise Rejected(message=f"{wrong.field}: {wrong.message}", fields=(wrong,))


@endpoint.post(
    "/api/auth/unlock", problems=("invalid_mailed_token", "unavailable"), budget=budgets.GUESS
)
async def unlock(call: Call[Unlock, None]) -> None:
    """End the pause after too many wrong passwords, with the token of the mail that told of it."""
    await call.app.lock.unlock(call.body.token)


@endpoint.post(
    "/api/auth/report", problems=("invalid_mailed_token", "unavailable"), budget=budgets.GUESS
)
async def report_stranger(call: Call[ReportStranger, None]) -> None:
    """Say of a notice "this wasn't me": sessions end, the password is void until it is reset."""
    await call.app.report.stranger(call.body.token, call.visitor)
