"""One connection to one server: commands go out at once, and replies come back in their order.

All calls share it, so that there is nothing to wait for but the reply. A call that is late gives
up alone; what comes for it later is dropped, and the connection takes no further calls, since
whoever is late once may be gone without a word.
"""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, cast

import hiredis

from chronicle.valkey_address import NOBODY, Login

_OPENING_SECONDS = 1.0
GRACE_SECONDS = 0.001
_NOTHING_YET: Final = object()


class LinkFailed(Exception):
    """The connection could not be made, broke, or said nothing in time; it may have been done."""


class Late(LinkFailed):
    """Nothing came in time."""


class Reply(Exception):
    """An error that the server answered with, such as `NOSCRIPT No matching script`."""

    @property
    def kind(self) -> str:
        """Its first word."""
        return str(self).partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one server listens: a Unix socket, or a host and port."""

    host: str = ""
    port: int = 0
    socket: str | None = None

    def __str__(self) -> str:
        return f"unix:{self.socket}" if self.socket else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Manner:
    """How to connect: with TLS or without, as whom, to which database."""

    tls: ssl.SSLContext | None = None
    login: Login = NOBODY
    database: int = 0


class Link(asyncio.Protocol):
    """A connection that was opened by `open_link`."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(
            protocolError=LinkFailed, replyError=Reply, notEnoughData=_NOTHING_YET
        )
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._transport: asyncio.Transport | None = None
        self._usable = False
        self._lost = asyncio.Event()

    @property
    def usable(self) -> bool:
        """Whether it takes calls."""
        return self._usable

    def send(self, *commands: tuple[Any, ...]) -> "list[asyncio.Future[Any]]":
        """Send commands together; a future for each reply, an error reply being a value too.

        Raises:
            LinkFailed: nothing was sent.
        """
        if not self._usable or self._transport is None:
            raise LinkFailed("the connection is closed")
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Any]] = [loop.create_future() for _ in commands]
        self._waiting.extend(futures)
        self._transport.write(b"".join(map(hiredis.pack_command, commands)))
        return futures

    def retire(self) -> None:
        """Take no further calls, and close when those under way have ended."""
        self._usable = False
        self._close_when_idle()

    def close(self) -> None:
        """Close it now; calls under way fail."""
        self._usable = False
        if self._transport is not None:
            self._transport.abort()
        self._fail_all(LinkFailed("the connection was closed"))

    async def aclose(self) -> None:
        """Close it, and wait until it is."""
        self.close()
        if self._transport is not None:
            await self._lost.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self._usable = True

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol: hand out what came, in order."""
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _NOTHING_YET:
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(reply)
        except (LinkFailed, IndexError):
            # This is no Valkey, or it answered what nobody asked: nothing after it can be trusted.
            self.close()
        if not self._usable:
            self._close_when_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        self._usable = False
        self._lost.set()
        self._fail_all(LinkFailed("the connection was lost" if exc is None else str(exc)))

    def _close_when_idle(self) -> None:
        if self._transport is not None and all(future.done() for future in self._waiting):
            self._transport.abort()

    def _fail_all(self, error: LinkFailed) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)


async def open_link(place: Place, manner: Manner) -> Link:
    """Connect, sign in and choose the database, within a second.

    Raises:
        LinkFailed: it can't be reached, its certificate is not valid, or it refuses the login.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_OPENING_SECONDS):
            if place.socket is not None:
                _, link = await loop.create_unix_connection(Link, place.socket)
            else:
                _, link = await loop.create_connection(Link, place.host, place.port, ssl=manner.tls)
            try:
                await _greet(link, manner)
            except BaseException:
                link.close()
                raise
            return link
    except TimeoutError as error:
        raise Late(f"{place} does not let anyone in") from error
    except OSError as error:  # ssl.SSLError is one of them
        raise LinkFailed(f"{place}: {error}") from error


async def _greet(link: Link, manner: Manner) -> None:
    commands: list[tuple[Any, ...]] = []
    if manner.login.password is not None:
        user = (manner.login.user,) if manner.login.user else ()
        commands.append(("AUTH", *user, manner.login.password))
    if manner.database:
        commands.append(("SELECT", manner.database))
    if not commands:
        return
    for reply in await asyncio.gather(*link.send(*commands)):
        if isinstance(reply, Reply):
            raise LinkFailed(str(reply)) from reply


async def answer_by(future: "asyncio.Future[Any]", deadline: float) -> Any:
    """The reply, when it comes before the deadline (of the event loop's clock).

    Raises:
        Late: it did not.
        LinkFailed: the connection broke before.
    """
    # A timer of our own: asyncio.timeout costs a cancellation, and wait_for a task.
    timer = asyncio.get_running_loop().call_at(deadline, _give_up, future)
    try:
        return await future
    finally:
        timer.cancel()


def _give_up(future: "asyncio.Future[Any]") -> None:
    # After a turn in which this process itself was busy for too long, uvloop runs timers before it
    # reads: what has long been there gets one more turn to be read.
    asyncio.get_running_loop().call_later(GRACE_SECONDS, _end, future)


def _end(future: "asyncio.Future[Any]") -> None:
    if not future.done():
        future.set_exception(Late("no answer in time"))
