"""Mail into a local folder: each message an RFC 5322 `.eml` file. For development."""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime, make_msgid, parseaddr
from pathlib import Path
from typing import cast

from chronicle.auth.ports import KeptMail, Mail
from chronicle.errors import Unavailable
from chronicle.world import World

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class OutboxFolder:
    """`auth.ports.Mailer` and `auth.ports.Outbox` over a folder."""

    def __init__(self, folder: Path, *, sender: str, world: World) -> None:
        self._folder = folder
        self._sender = sender
        self._world = world
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def send(self, mail: Mail) -> None:
        """Keep the message as a whole file, synced to disk."""
        if mail.void:
            return
        name = f"{self._world.new_id().hex()}.eml"
        await asyncio.to_thread(self._write, name, bytes(self._message(mail)))

    async def newest(self, limit: int) -> Sequence[KeptMail]:
        """The newest messages first."""
        return await asyncio.to_thread(self._read_newest, limit)

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=SMTPUTF8)
        name, address = parseaddr(self._sender)
        domain = address.rpartition("@")[2]
        message["From"] = Address(display_name=name, addr_spec=address)
        message["To"] = Address(addr_spec=mail.to)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(self._world.now())
        message["Message-ID"] = make_msgid(domain=domain)
        message.set_content(mail.text)
        return message

    def _write(self, name: str, content: bytes) -> None:
        partial = self._folder / f"{name}.partial"
        try:
            with os.fdopen(os.open(partial, _NEW_FILE, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._folder / name)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise Unavailable(message="The mail could not be sent. Try again shortly.") from error

    def _read_newest(self, limit: int) -> list[KeptMail]:
        # Names are UUIDv7 in hex: they sort by time.
        names = sorted((file.name for file in self._folder.glob("*.eml")), reverse=True)
        return [self._read(name) for name in names[:limit]]

    def _read(self, name: str) -> KeptMail:
        content = (self._folder / name).read_bytes()
        message = message_from_bytes(content, policy=SMTPUTF8)
        body = message.get_body(("plain",))
        return KeptMail(
            id=name.removesuffix(".eml"),
            to=str(message["To"]),
            subject=str(message["Subject"]),
            date=cast(datetime, message["Date"].datetime),
            text=body.get_content().replace("\r\n", "\n") if body else "",
        )
