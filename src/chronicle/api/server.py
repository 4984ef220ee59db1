"""Serves the application with uvicorn, with the bounds that it lacks, until told to stop."""

import contextlib
import resource
import socket
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn

from chronicle.api.app import ChronicleApp
from chronicle.api.application import Application
from chronicle.api.bounded_protocol import BoundedProtocol
from chronicle.api.caps import Cap
from chronicle.api.end_of_turn import Outbox
from chronicle.api.log_lines import AccessLog

_KEEP_ALIVE_SECONDS = 75


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, not yet accepting; port 0 picks a free one.

    Raises:
        OSError: the address can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


async def serve(app: Application, listener: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; then stop accepting, and let what runs finish."""
    _allow_many_connections()
    chronicle = ChronicleApp(app, AccessLog())
    protocol = partial(
        BoundedProtocol,
        refuse=chronicle.refuse_connection,
        header_seconds=float(app.settings.request_seconds),
        stall_seconds=float(app.settings.stall_seconds),
        outbox=Outbox(),
        cap=Cap(app.settings.connections_per_address * app.settings.limit_scale, "connections"),
        trusted=app.settings.trusted_proxies,
    )
    config = uvicorn.Config(
        chronicle,
        http=protocol,  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=app.settings.drain_seconds,
        backlog=2048,
    )
    await _AnnouncingServer(config, on_ready).serve(sockets=[listener])


def _allow_many_connections() -> None:
    """Take all the file descriptors that this process may have; shells give 1,024 at first."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS names a limit that it does not take
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _AnnouncingServer(uvicorn.Server):
    """Says when it accepts connections, and leaves the process to whoever started it."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and forget it then.

        uvicorn raises it again, which would end the process before the sequencer is drained, the
        database closed and Valkey ended.
        """
        with super().capture_signals():
            try:
                yield
            finally:
                self._captured_signals.clear()
