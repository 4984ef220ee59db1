"""A server that speaks Valkey's protocol and answers what a test tells it to."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

Answer = bytes | None
Answering = Callable[[list[bytes]], Awaitable[Answer]]


class ScriptedValkey:
    """`answering` gets each command's words and gives the reply; None closes the connection."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self.port = 0
        self.commands: list[list[bytes]] = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def named(self, name: bytes) -> list[list[bytes]]:
        """The commands of a name that came so far."""
        return [command for command in self.commands if command[0] == name]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                command = await self._read(reader)
                self.commands.append(command)
                answer = await self._answering(command)
                if answer is None:
                    break
                writer.write(answer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> list[bytes]:
        words = int((await reader.readexactly(1) + await reader.readuntil())[1:])
        command = []
        for _ in range(words):
            size = int((await reader.readuntil())[1:])
            command.append((await reader.readexactly(size + 2))[:-2])
        return command


@contextlib.asynccontextmanager
async def scripted(
    answering: Answering, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedValkey]:
    """Run one at a free port."""
    valkey = ScriptedValkey(answering)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await valkey.serve(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    valkey.port = server.sockets[0].getsockname()[1]
    try:
        yield valkey
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def slots(*ranges: tuple[int, int, int]) -> bytes:
    """A reply to CLUSTER SLOTS: first slot, last slot, port at 127.0.0.1."""
    rows = [
        b"*3\r\n:%d\r\n:%d\r\n*3\r\n$9\r\n127.0.0.1\r\n:%d\r\n$2\r\nid\r\n" % each
        for each in ranges
    ]
    return b"*%d\r\n" % len(rows) + b"".join(rows)
