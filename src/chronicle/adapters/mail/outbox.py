"""Mail into a local folder: each message an RFC 5322 `.eml` file. For development."""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes
from email.policy import SMTPUTF8
from functools import lru_cache
from pathlib import Path
from typing import cast
from uuid import UUID

from chronicle.adapters.mail.message import compose
from chronicle.auth.ports import KeptMail, Mail, MailDelayed

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

# Who waits for a mail asks again and again, and taking a message apart takes a millisecond.
_MESSAGES_REMEMBERED = 200


class OutboxFolder:
    """`auth.ports.MailTransport` and `auth.ports.Outbox` over a folder."""

    def __init__(self, folder: Path, *, sender: str) -> None:
        self._folder = folder
        self._sender = sender
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def deliver(self, mail: Mail, *, key: UUID, written_at: datetime) -> None:
        """Keep the message as a whole file, synced to disk; the same key is the same file."""
        message = compose(mail, sender=self._sender, key=key, written_at=written_at)
        await asyncio.to_thread(self._write, f"{key}.eml", bytes(message))

    async def newest(self, limit: int) -> Sequence[KeptMail]:
        """The newest messages first."""
        return await asyncio.to_thread(self._read_newest, limit)

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
            raise MailDelayed(f"the outbox can't be written: {error.strerror}") from error

    def _read_newest(self, limit: int) -> list[KeptMail]:
        # Names are UUIDv7: they sort by time.
        names = sorted((file.name for file in self._folder.glob("*.eml")), reverse=True)
        return [self._read(name) for name in names[:limit]]

    def _read(self, name: str) -> KeptMail:
        file = self._folder / name
        found = file.stat()
        return _message(file, found.st_ino, found.st_mtime_ns)


@lru_cache(maxsize=_MESSAGES_REMEMBERED)
def _message(file: Path, _inode: int, _changed_at: int) -> KeptMail:
    """The message in a file; another file under its name has another inode or time."""
    message = message_from_bytes(file.read_bytes(), policy=SMTPUTF8)
    body = message.get_body(("plain",))
    return KeptMail(
        id=file.stem,
        to=str(message["To"]),
        subject=str(message["Subject"]),
        date=cast(datetime, message["Date"].datetime),
        text=body.get_content().replace("\r\n", "\n") if body else "",
    )
