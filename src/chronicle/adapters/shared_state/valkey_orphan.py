"""End the Valkey that a killed server left behind, and never any other process."""

import asyncio
import contextlib
import os
import signal
import subprocess
from pathlib import Path
from time import monotonic

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chronicle.adapters.shared_state.valkey_files import FileLock
from chronicle.errors import CannotStart

POLL_SECONDS = 0.02
KILL_SECONDS = 5


def connect(socket: Path) -> Redis:
    """A client of the socket that fails at once instead of trying again."""
    return Redis(
        unix_socket_path=str(socket),
        socket_timeout=2,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


async def answers(socket: Path) -> bool:
    """Whether a Valkey answers PING there, its data loaded."""
    async with connect(socket) as client:
        try:
            return bool(await client.ping())
        except RedisError:
            return False


async def end_orphan(socket: Path, pid_file: Path, lock: FileLock, *, ask_seconds: float) -> bool:
    """Take the lock that a living child holds, ending that child. True if there was one.

    The lock, not the pid file, says whether a child lives: the kernel frees it in the moment in
    which the child is gone, also before the child could write its pid or open its socket.

    Raises:
        CannotStart: the child neither answered nor could be found by its pid file.
    """
    if lock.acquire():
        return False
    if await _taken(lock, ask_seconds, ask=(socket, pid_file.parent)):
        return True
    pid = await asyncio.to_thread(_confirmed_pid, pid_file, socket)
    if pid is None:
        raise CannotStart(
            f"A Valkey of an earlier run still holds {lock.path} and does not answer: end the"
            f" process that has {socket} in its command line, then start again"
        )
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if await _taken(lock, KILL_SECONDS):
        return True
    raise CannotStart(f"The Valkey of an earlier run, process {pid}, does not end")


async def _taken(lock: FileLock, seconds: float, ask: tuple[Path, Path] | None = None) -> bool:
    """Whether the lock came free within the time, asking its holder to shut down meanwhile."""
    deadline = monotonic() + seconds
    while not lock.acquire():
        # Deadlines are looked at, not left to asyncio.timeout: on Python 3.11 redis-py's use of
        # wait_for swallows many a cancellation that comes while it waits.
        if monotonic() > deadline:
            return False
        # Asked again and again: one that has only just started opens its socket later.
        if ask:
            await _ask_to_shut_down(*ask)
        await asyncio.sleep(POLL_SECONDS)
    return True


async def _ask_to_shut_down(socket: Path, folder: Path) -> None:
    async with connect(socket) as client:
        # SHUTDOWN closes the connection instead of answering; a refusal shows in the lock.
        with contextlib.suppress(RedisError):
            found = await client.config_get("dir")
            if found["dir"] == str(folder):
                await client.shutdown()


def _confirmed_pid(pid_file: Path, socket: Path) -> int | None:
    """The pid in the file if that process is our Valkey: pids are given anew to others."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return None
    return pid if pid > 1 and str(socket) in _command_line(pid) else None


def _command_line(pid: int) -> str:
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except OSError:
        # No /proc on macOS; `ps` is everywhere.
        listed = subprocess.run(  # noqa: S603 - a fixed command and a number
            ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return listed.stdout
