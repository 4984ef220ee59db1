"""Tickets in Valkey or Redis. The Lua scripts beside this file make each step atomic."""

from datetime import UTC, datetime
from typing import cast

from chronicle.adapters.shared_state.valkey import Script, Valkey
from chronicle.auth.ports import Ticket


class ValkeyTickets:
    """`auth.ports.Tickets` on Valkey: one hash a ticket, which expires by itself."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        self._put = Script.named("put_ticket")
        self._guess = Script.named("guess_ticket")
        self._renew = Script.named("renew_ticket")

    async def put(self, ticket: Ticket, *, now: datetime) -> None:
        """Store a new ticket."""
        times = [_millis(ticket.expires_at), _millis(ticket.resend_at), _millis(now)]
        await self._valkey.run(
            self._put,
            keys=[_name(ticket.key)],
            args=[ticket.content, ticket.code_mac, ticket.guesses, *times],
        )

    async def guess(
        self, key: bytes, code_mac: bytes, *, now: datetime
    ) -> tuple[bool, bytes] | None:
        """Spend one guess: (was it right, the content); None without such a ticket or guesses."""
        answer = await self._valkey.run(
            self._guess, keys=[_name(key)], args=[code_mac, _millis(now)]
        )
        return None if answer is None else (answer[0] == 1, answer[1])

    async def look(self, key: bytes, *, now: datetime) -> tuple[bytes, datetime] | None:
        """The content, and from when on it can be renewed; None without such a ticket."""
        name = _name(key)
        fields = ("content", "resend_at", "expires_at")
        content, resend_at, expires_at = await self._valkey.ask("HMGET", name, *fields, key=name)
        if expires_at is None or int(expires_at) <= _millis(now):
            return None
        return content, datetime.fromtimestamp(int(resend_at) / 1000, UTC)

    async def renew(
        self,
        key: bytes,
        code_mac: bytes,
        *,
        now: datetime,
        expires_at: datetime,
        resend_at: datetime,
    ) -> bytes | datetime | None:
        """Replace the code, the guesses left kept, and answer the content."""
        times = [_millis(now), _millis(expires_at), _millis(resend_at)]
        answer = await self._valkey.run(self._renew, keys=[_name(key)], args=[code_mac, *times])
        if answer is None:
            return None
        if isinstance(answer, list):
            return cast(bytes, answer[0])
        return datetime.fromtimestamp(int(answer) / 1000, UTC)

    async def drop(self, key: bytes) -> None:
        """Forget a ticket; no error when there is none."""
        name = _name(key)
        await self._valkey.ask("DEL", name, key=name)


def _name(key: bytes) -> str:
    return f"chronicle:ticket:{{{key.hex()}}}"


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
