"""How mail is kept and sent."""

import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx2

from chronicle.adapters.mail.brevo import BrevoTransport
from chronicle.adapters.mail.outbox import OutboxFolder
from chronicle.adapters.mail.smtp import SmtpTransport, smtp_server
from chronicle.auth.mail_delivery import MailDelivery, QueuedMailer, SealedMails
from chronicle.auth.ports import MailTransport
from chronicle.security.encryption import FieldCipher
from chronicle.security.keys import Keyring
from chronicle.setting_choices import Mailer
from chronicle.settings import Settings
from chronicle.wiring.storage import Storage
from chronicle.world import World


@dataclass(frozen=True, slots=True)
class MailParts:
    """How mail is kept and sent; `outbox` where it goes into a folder."""

    mailer: QueuedMailer
    delivery: MailDelivery
    outbox: OutboxFolder | None


def wire_mail(
    settings: Settings, keys: Keyring, storage: Storage, stack: AsyncExitStack, world: World
) -> MailParts:
    """The queue, the worker that empties it, and the transport that the settings name."""
    transport = _transport(settings, stack)
    sealed = SealedMails(FieldCipher(keys), world)
    delivery = MailDelivery(
        storage.mails, transport, sealed, attempt_seconds=settings.mail_seconds, world=world
    )
    outbox = transport if isinstance(transport, OutboxFolder) else None
    return MailParts(QueuedMailer(storage.mails, sealed, delivery.wake), delivery, outbox)


def _transport(settings: Settings, stack: AsyncExitStack) -> MailTransport:
    sender = settings.mail_from
    if settings.mailer is Mailer.SMTP and settings.smtp_url is not None:
        return SmtpTransport(
            smtp_server(settings.smtp_url.reveal()),
            sender=sender,
            step_seconds=settings.mail_seconds,
            tls=ssl.create_default_context(),
        )
    if settings.mailer is Mailer.BREVO and settings.brevo_api_key is not None:
        client = httpx2.AsyncClient(timeout=settings.mail_seconds)
        stack.push_async_callback(client.aclose)
        return BrevoTransport(
            client,
            url=settings.brevo_url,
            api_key=settings.brevo_api_key.reveal(),
            sender=sender,
        )
    return OutboxFolder(settings.data_dir / "outbox", sender=sender)
