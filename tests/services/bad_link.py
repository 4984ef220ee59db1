"""A TCP link to a server that a test can cut, silence and slow down."""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self


class BadLink:
    """Listens at a port of 127.0.0.1 and passes on to another, in a thread of its own."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._delay_seconds = 0.0
        self._cut = False
        self._speaks = asyncio.Event()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def slow(self, seconds: float) -> None:
        """Whatever comes back takes so long."""
        self._delay_seconds = seconds

    def silence(self) -> None:
        """Nothing gets through, and nobody is told."""
        self._loop.call_soon_threadsafe(self._speaks.clear)

    def cut(self) -> None:
        """Connections break, and new ones do at once."""
        self._cut = True
        self._run(self._break_all())

    def mend(self) -> None:
        """All is well again."""
        self._delay_seconds, self._cut = 0.0, False
        self._loop.call_soon_threadsafe(self._speaks.set)

    def _run(self, work: "asyncio._CoroutineLike[None]") -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._speaks.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._break_all()

    async def _break_all(self) -> None:
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        with contextlib.suppress(asyncio.CancelledError, OSError):
            try:
                if not self._cut:
                    await self._link(reader, writer)
            finally:
                writer.transport.abort()
        self._open.discard(task)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass(reader, to_writer))
                ways.create_task(self._pass(to_reader, writer, back=True))
        except ExceptionGroup:
            pass
        finally:
            to_writer.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool = False
    ) -> None:
        while data := await reader.read(65536):
            await self._speaks.wait()
            if back and self._delay_seconds:
                await asyncio.sleep(self._delay_seconds)
            writer.write(data)
        raise ConnectionResetError
