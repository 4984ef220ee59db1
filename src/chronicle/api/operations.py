"""Health, the API's own document, and the development outbox."""

import asyncio
import contextlib
from datetime import datetime
from ipaddress import ip_address
from typing import Annotated, Any, Literal

import msgspec
from starlette.responses import Response

from chronicle.api.endpoint import Call, Routes
from chronicle.auth.mail_samples import SAMPLES
from chronicle.auth.mail_templates import LANGUAGES
from chronicle.auth.ports import Mail
from chronicle.errors import NotFound

endpoint = Routes("Operation")

_OUTBOX_ITEMS = 50
_CHECK_SECONDS = 2.0
_SETTLE_SECONDS = 2.0
# Mails carry their styles inline; like a mail program, nothing else of them is let do anything.
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_PROXIES_SAY = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)


class Alive(msgspec.Struct):
    """The process runs."""

    status: Literal["alive"] = "alive"


class Readiness(msgspec.Struct):
    """Whether it can serve, and each dependency by name."""

    status: Literal["ready", "not_ready"]
    dependencies: dict[str, bool]


class OutboxMail(msgspec.Struct):
    """A mail that was sent into the local outbox."""

    id: str
    to: str
    subject: str
    date: datetime
    text: str


class OutboxMails(msgspec.Struct):
    """The newest mails first."""

    items: list[OutboxMail]


class MailNames(msgspec.Struct):
    """The mails that the server sends, by name, and the languages that they are written in."""

    names: list[str]
    languages: list[str]


class SampleQuery(msgspec.Struct, forbid_unknown_fields=True):
    """A BCP 47 language tag."""

    locale: Annotated[str, msgspec.Meta(max_length=35)] = "en"


class SampleMail(msgspec.Struct):
    """A mail as it would arrive."""

    subject: str
    text: str
    html: str


@endpoint.get("/health/live", answers=Alive)
async def live(_call: Call[None, None]) -> Alive:
    """Whether the process runs at all."""
    return Alive()


@endpoint.get("/health/ready", answers=Readiness, also={503: "A dependency does not answer."})
async def ready(call: Call[None, None]) -> Readiness | Response:
    """Whether every dependency answers; 503 with the same body when one does not."""
    names = list(call.app.health)
    states = await asyncio.gather(*(_holds(call, name) for name in names))
    dependencies = dict(zip(names, states, strict=True))
    if all(states):
        return Readiness("ready", dependencies)
    body = msgspec.json.encode(Readiness("not_ready", dependencies))
    return Response(body, 503, media_type="application/json")


async def _holds(call: Call[None, None], name: str) -> bool:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await call.app.health[name]()
    except TimeoutError:
        return False


@endpoint.get("/api/dev/outbox", answers=OutboxMails)
async def outbox(call: Call[None, None]) -> OutboxMails:
    """What was mailed. In development, and to this machine, only."""
    if call.app.outbox is None or not _is_this_machine(call):
        raise NotFound
    # What a call before this one mailed is to be seen, and only then is on its way.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SETTLE_SECONDS):
            await call.app.mail_settled()
    mails = await call.app.outbox.newest(_OUTBOX_ITEMS)
    return OutboxMails(
        [OutboxMail(mail.id, mail.to, mail.subject, mail.date, mail.text) for mail in mails]
    )


@endpoint.get("/api/dev/mails", answers=MailNames)
async def sample_mails(call: Call[None, None]) -> MailNames:
    """The mails that there are. In development, and to this machine, only."""
    _only_in_development(call)
    return MailNames(list(SAMPLES), list(LANGUAGES))


@endpoint.get("/api/dev/mails/{name}", answers=SampleMail)
async def sample_mail(call: Call[None, SampleQuery]) -> SampleMail:
    """One mail with made-up values. In development, and to this machine, only."""
    mail = _sample(call)
    return SampleMail(mail.subject, mail.text, mail.html)


@endpoint.get("/api/dev/mails/{name}/page", answers=str, media_type="text/html")
async def sample_mail_page(call: Call[None, SampleQuery]) -> Response:
    """Its HTML part as a mail program shows it. In development, and to this machine, only."""
    headers = {"Content-Security-Policy": _MAIL_POLICY}
    return Response(_sample(call).html, headers=headers, media_type="text/html; charset=utf-8")


def _sample(call: Call[None, SampleQuery]) -> Mail:
    _only_in_development(call)
    sample = SAMPLES.get(call.path("name"))
    if sample is None:
        raise NotFound
    return sample(call.app.settings.base_url, call.query.locale)


def _only_in_development(call: Call[None, Any]) -> None:
    if call.app.settings.production or not _is_this_machine(call):
        raise NotFound


def _is_this_machine(call: Call[None, Any]) -> bool:
    client = call.scope.get("client")
    # A proxy on this machine would make everybody look local, so a forwarded call never is; and
    # a page on another name that resolves here (DNS rebinding) sends that name as its Host.
    forwarded = any(name in call.headers for name in _PROXIES_SAY)
    host = call.headers.get("host", "")
    own_host = call.app.settings.base_url.partition("://")[2]
    local_hosts = {
        own_host,
        f"127.0.0.1:{call.app.settings.port}",
        f"[::1]:{call.app.settings.port}",
    }
    return (
        client is not None
        and ip_address(client[0]).is_loopback
        and not forwarded
        and host in local_hosts
    )
