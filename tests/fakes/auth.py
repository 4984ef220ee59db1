"""Tickets and mail in memory, with switches that make them fail."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chronicle.auth.ports import Mail, Ticket
from chronicle.errors import Unavailable


class InMemoryTickets:
    """`auth.ports.Tickets`; with `down`, every call fails and changes nothing."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Ticket] = {}
        self.down = False

    async def put(self, ticket: Ticket, *, now: datetime) -> None:
        self._fail_if_down()
        self.kept[ticket.key] = ticket

    async def guess(
        self, key: bytes, code_mac: bytes, *, now: datetime
    ) -> tuple[bool, bytes] | None:
        self._fail_if_down()
        ticket = self.kept.get(key)
        if ticket is None or ticket.expires_at <= now:
            self.kept.pop(key, None)
            return None
        if ticket.guesses == 0:
            return None
        self.kept[key] = replace(ticket, guesses=ticket.guesses - 1)
        return ticket.code_mac == code_mac, ticket.content

    async def look(self, key: bytes, *, now: datetime) -> tuple[bytes, datetime] | None:
        self._fail_if_down()
        ticket = self.kept.get(key)
        if ticket is None or ticket.expires_at <= now:
            return None
        return ticket.content, ticket.resend_at

    async def renew(
        self,
        key: bytes,
        code_mac: bytes,
        *,
        now: datetime,
        expires_at: datetime,
        resend_at: datetime,
    ) -> bytes | datetime | None:
        self._fail_if_down()
        ticket = self.kept.get(key)
        if ticket is None or ticket.expires_at <= now:
            return None
        if ticket.resend_at > now:
            return ticket.resend_at
        self.kept[key] = replace(
            ticket, code_mac=code_mac, expires_at=expires_at, resend_at=resend_at
        )
        return ticket.content

    async def drop(self, key: bytes) -> None:
        self._fail_if_down()
        self.kept.pop(key, None)

    def _fail_if_down(self) -> None:
        if self.down:
            raise Unavailable


class KeptMailer:
    """`auth.ports.Mailer` that keeps what was sent; with `down`, it sends nothing."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.down = False

    async def send(self, mail: Mail) -> None:
        if self.down:
            raise Unavailable
        self.sent.append(mail)

    def to(self, address: str) -> Sequence[Mail]:
        return [mail for mail in self.sent if mail.to == address]
