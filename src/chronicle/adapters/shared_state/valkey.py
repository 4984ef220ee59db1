"""Tickets in Valkey or Redis. The Lua scripts beside this file make each step atomic."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chronicle.auth.ports import Ticket
from chronicle.errors import Unavailable

_DEADLINE_SECONDS = 0.1
_TURN_SECONDS = 0.5
_MOST_CONNECTIONS = 16


class _PatientPool(ConnectionPool):
    """A pool whose callers wait for their turn; redis-py's own fails whoever finds it empty."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._turns = asyncio.Semaphore(self.max_connections)

    async def get_connection(self, *arguments: Any, **options: Any) -> AbstractConnection:
        """A connection, in the order of asking; TimeoutError when the turn does not come."""
        async with asyncio.timeout(_TURN_SECONDS):
            await self._turns.acquire()
        try:
            connection: AbstractConnection = await super().get_connection(  # type: ignore[no-untyped-call]
                *arguments, **options
            )
        except BaseException:
            self._turns.release()
            raise
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Give a connection back, and the turn with it."""
        try:
            await super().release(connection)
        finally:
            self._turns.release()


def connect(url: str) -> "Redis":
    """A client with a bounded pool and a deadline on each call."""
    redis_url = url.replace("valkeys://", "rediss://", 1).replace("valkey://", "redis://", 1)
    pool = _PatientPool.from_url(
        redis_url,
        socket_timeout=_DEADLINE_SECONDS,
        socket_connect_timeout=_DEADLINE_SECONDS,
        max_connections=_MOST_CONNECTIONS,
        # One more try at once: a connection from before a restart of Valkey is found dead only
        # when it is used. Each script is safe to run twice, or errs on the side of fewer guesses.
        retry=Retry(NoBackoff(), 1),
    )
    return Redis.from_pool(pool)


async def is_up(client: "Redis") -> bool:
    """Whether it answers a PING in time."""
    try:
        await in_time(client.ping())
    except Unavailable:
        return False
    return True


class ValkeyTickets:
    """`auth.ports.Tickets` on Valkey: one hash a ticket, which expires by itself."""

    def __init__(self, client: "Redis") -> None:
        self._client = client
        self._guess = client.register_script(script("guess_ticket"))
        self._renew = client.register_script(script("renew_ticket"))

    async def put(self, ticket: Ticket) -> None:
        """Store a new ticket."""
        name = _name(ticket.key)
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hset(
            name,
            mapping={
                "content": ticket.content,
                "code_mac": ticket.code_mac,
                "guesses": ticket.guesses,
                "expires_at": _millis(ticket.expires_at),
                "resend_at": _millis(ticket.resend_at),
            },
        )
        pipeline.pexpireat(name, _millis(ticket.expires_at))
        await in_time(pipeline.execute())

    async def guess(
        self, key: bytes, code_mac: bytes, *, now: datetime
    ) -> tuple[bool, bytes] | None:
        """Spend one guess: (was it right, the content); None without such a ticket or guesses."""
        answer = await in_time(self._guess(keys=[_name(key)], args=[code_mac, _millis(now)]))
        return None if answer is None else (answer[0] == 1, answer[1])

    async def look(self, key: bytes, *, now: datetime) -> tuple[bytes, datetime] | None:
        """The content, and from when on it can be renewed; None without such a ticket."""
        fields = ("content", "resend_at", "expires_at")
        content, resend_at, expires_at = await in_time(self._client.hmget(_name(key), fields))
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
        answer = await in_time(self._renew(keys=[_name(key)], args=[code_mac, *times]))
        if answer is None:
            return None
        if isinstance(answer, list):
            return cast(bytes, answer[0])
        return datetime.fromtimestamp(int(answer) / 1000, UTC)

    async def drop(self, key: bytes) -> None:
        """Forget a ticket; no error when there is none."""
        await in_time(self._client.delete(_name(key)))


def _name(key: bytes) -> str:
    return f"chronicle:ticket:{{{key.hex()}}}"


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def script(name: str) -> str:
    """The text of a Lua script beside this file."""
    return files(__package__).joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")


async def in_time(call: Awaitable[Any]) -> Any:
    """The answer of a call. Unavailable when it fails or takes too long."""
    try:
        return await call
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable from error
