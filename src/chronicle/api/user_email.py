"""`/api/auth/user/email`: confirming the caller's address, changing it, and undoing a change."""

from typing import Annotated

import msgspec

from chronicle.api.auth import CodeText, EmailText, TicketText, TokenText, code_or_link
from chronicle.api.endpoint import Call, Routes, SignedInCall
from chronicle.api.fresh_sign_in import require_fresh
from chronicle.api.known_devices import pay_for_mail
from chronicle.api.session_answers import (
    IssuedTicket,
    Profile,
    render_profile,
    render_ticket,
)
from chronicle.security import budgets
from chronicle.users.emails import parse_email, parse_new_email

endpoint = Routes("Profile")


class SendEmailCode(msgspec.Struct, forbid_unknown_fields=True):
    """The new address; without it, the code confirms the one that the account has."""

    email: EmailText | None = None


class VerifyEmail(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket, and either the mailed code as typed or the mailed link's `token`."""

    ticket: TicketText
    code: CodeText | None = None
    token: TokenText | None = None


class UndoEmail(msgspec.Struct, forbid_unknown_fields=True):
    """The token of the mail to the former address."""

    token: Annotated[str, msgspec.Meta(max_length=128)]


@endpoint.post(
    "/api/auth/user/email/send-code",
    answers=IssuedTicket,
    status=202,
    problems=("fresh_sign_in_required", "look_alike"),
    budget=budgets.CODE,
)
async def send_email_code(call: SignedInCall[SendEmailCode | None, None]) -> IssuedTicket:
    """Mail a code: to the account's own address, to confirm it, or to `email`, to change to it.

    A change needs a sign-in of the last ten minutes. Its answer is the same when the new address
    has an account; its owner then gets a mail that says so. Nothing changes before the code is
    entered.
    """
    account_id = call.identity.account_id
    wanted = call.body.email if call.body is not None else None
    if wanted is None:
        own = parse_email(call.app.book.in_the_clear(call.account).email)
        await pay_for_mail(call, budgets.CODE, own)
        return render_ticket(await call.app.email_change.start_own(account_id))
    require_fresh(call)
    email = parse_new_email(wanted)
    await pay_for_mail(call, budgets.CODE, email)
    return render_ticket(await call.app.email_change.start_change(account_id, email))


@endpoint.post(
    "/api/auth/user/email/verify",
    answers=Profile,
    problems=(
        "invalid_code",
        "invalid_mailed_token",
        "ticket_expired",
        "email_taken",
        "too_many_requests",
    ),
    budget=budgets.GUESS,
)
async def verify_email(call: SignedInCall[VerifyEmail, None]) -> Profile:
    """Enter the code, or the link's token. A change of the address ends every other session.

    The address before is told, with a link that works for seven days. Five wrong codes end the
    ticket, and it is good for nobody else's account.
    """
    change, body = call.app.email_change, call.body
    proof, is_link = code_or_link(body.code, body.token)
    finish = change.finish_with_link if is_link else change.finish
    return render_profile(await finish(call.identity, body.ticket, proof, call.visitor))


@endpoint.post(
    "/api/auth/user/email/undo",
    problems=("invalid_mailed_token", "email_taken", "unavailable"),
    budget=budgets.GUESS,
)
async def undo_email(call: Call[UndoEmail, None]) -> None:
    """Bring a former address back, with the token that was mailed to it.

    Whoever changed it was signed in, so every session ends, and the password is void until it is
    set by mail.
    """
    await call.app.email_undo.undo(call.body.token, call.visitor)
