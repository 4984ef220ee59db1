"""Mail through Brevo's HTTP API: https://developers.brevo.com/reference/send-transac-email."""

import re
from datetime import datetime, timedelta
from email.utils import parseaddr
from uuid import UUID

import httpx2
import msgspec

from chronicle.auth.ports import Mail, MailDelayed, MailerMisconfigured, MailRefused, MailTrouble

# The answers to a key that was used before: the mail is on its way already.
_ALREADY_SENT = frozenset({"duplicate_parameter", "duplicate_request"})
_ABOUT_THE_ACCOUNT = frozenset(
    {
        "account_under_validation",
        "not_enough_credits",
        "permission_denied",
        "reseller_permission_denied",
        "unauthorized",
    }
)
_ABOUT_THE_MAIL = frozenset({400, 413, 422})
_PASSES = frozenset({408, 425})


class _Problem(msgspec.Struct):
    """Brevo's error body. `message` is for people, and may repeat an address."""

    code: str = ""
    message: str = ""


class BrevoTransport:
    """`auth.ports.MailTransport` over HTTP.

    A key is remembered there for half an hour at most; a mail that is handed over again later than
    that may arrive twice.
    """

    def __init__(self, client: httpx2.AsyncClient, *, url: str, api_key: str, sender: str) -> None:
        """Take the origin of the API; the client's time limits are this transport's."""
        self._client = client
        self._url = f"{url}/v3/smtp/email"
        self._api_key = api_key
        name, address = parseaddr(sender)
        self._sender = {"email": address} | ({"name": name} if name else {})

    async def deliver(self, mail: Mail, *, key: UUID, written_at: datetime) -> None:  # noqa: ARG002 - Brevo dates mails itself
        """Hand the mail to Brevo under its key."""
        body = {
            "sender": self._sender,
            "to": [{"email": mail.to}],
            "subject": mail.subject,
            "textContent": mail.text,
            "htmlContent": mail.html,
            "headers": {"idempotencyKey": str(key)},
        }
        try:
            answer = await self._client.post(
                self._url, json=body, headers={"api-key": self._api_key}, follow_redirects=False
            )
        except httpx2.RequestError as error:
            raise MailDelayed(f"brevo can't be reached: {type(error).__name__}") from error
        if answer.is_success:
            return
        problem = _problem(answer)
        if problem.code not in _ALREADY_SENT:
            raise _trouble(answer, problem)


def _problem(answer: httpx2.Response) -> _Problem:
    try:
        return msgspec.json.decode(answer.content, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Problem()


def _trouble(answer: httpx2.Response, problem: _Problem) -> MailTrouble:
    status = answer.status_code
    code = problem.code if re.fullmatch(r"[a-z_]{1,50}", problem.code) else ""
    reason = f"brevo {status} {code}".strip()
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        return MailDelayed(reason, pause=_until_reset(answer))
    if status >= 500 or status in _PASSES:
        return MailDelayed(reason)
    # A sender that Brevo does not know is an invalid parameter too, and concerns every mail.
    about_the_sender = "sender" in problem.message.lower()
    if status in _ABOUT_THE_MAIL and code not in _ABOUT_THE_ACCOUNT and not about_the_sender:
        return MailRefused(reason)
    return MailerMisconfigured(reason)


def _until_reset(answer: httpx2.Response) -> timedelta | None:
    """How long the limit stands, from the header that says so in seconds."""
    text = answer.headers.get("x-sib-ratelimit-reset", "")
    return timedelta(seconds=int(text)) if re.fullmatch(r"[0-9]{1,9}", text) else None
