"""Tickets and mail in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chronicle.auth.ports import Mail, Ticket
from tests.fakes.faults import Faults, step


class InMemoryTickets:
    """`auth.ports.Tickets`."""

    label = "tickets"

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.kept: dict[bytes, Ticket] = {}

    @step
    def put(self, ticket: Ticket, *, now: datetime) -> None:
        self.kept[ticket.key] = ticket

    @step
    def guess(self, key: bytes, code_mac: bytes, *, now: datetime) -> tuple[bool, bytes] | None:
        ticket = self.kept.get(key)
        if ticket is None or ticket.expires_at <= now:
            self.kept.pop(key, None)
            return None
        if ticket.guesses == 0:
            return None
        self.kept[key] = replace(ticket, guesses=ticket.guesses - 1)
        return ticket.code_mac == code_mac, ticket.content

    @step
    def look(self, key: bytes, *, now: datetime) -> tuple[bytes, datetime] | None:
        ticket = self.kept.get(key)
        if ticket is None or ticket.expires_at <= now:
            return None
        return ticket.content, ticket.resend_at

    @step
    def renew(
        self,
        key: bytes,
        code_mac: bytes,
        *,
        now: datetime,
        expires_at: datetime,
        resend_at: datetime,
    ) -> bytes | datetime | None:
        ticket = self.kept.get(key)
        if ticket is None or ticket.expires_at <= now:
            return None
        if ticket.resend_at > now:
            return ticket.resend_at
        self.kept[key] = replace(
            ticket, code_mac=code_mac, expires_at=expires_at, resend_at=resend_at
        )
        return ticket.content

    @step
    def drop(self, key: bytes) -> None:
        self.kept.pop(key, None)


class KeptMailer:
    """`auth.ports.Mailer` that keeps what was sent."""

    label = "mailer"

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.sent: list[Mail] = []

    @step
    def send(self, mail: Mail) -> None:
        self.sent.append(mail)

    def to(self, address: str) -> Sequence[Mail]:
        return [mail for mail in self.sent if mail.to == address]
