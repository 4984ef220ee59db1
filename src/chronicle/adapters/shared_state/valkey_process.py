"""The embedded Valkey: a real server as a child process, on a Unix socket in the data folder.

Two locks in `<data dir>/valkey/` decide everything. `owner.lock` is held by the Chronicle process
that owns the child; the others attach to the socket, and one of them takes over when it comes
free. `child.lock` is inherited by the child and so held for exactly as long as it lives: a new
owner that finds it taken ends the orphan before it starts its own, so that two Valkeys never
write one append-only file. See docs/adr/0002-embedded-valkey.md.
"""

import asyncio
import logging
import os
import tempfile
from asyncio.subprocess import DEVNULL, STDOUT, Process
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from chronicle.adapters.shared_state.valkey_files import FileLock, find_binary, place_socket
from chronicle.adapters.shared_state.valkey_orphan import POLL_SECONDS, answers, end_orphan
from chronicle.errors import CannotStart

LOG_BYTES = 2**20
LOG_TAIL_LINES = 15
STEADY_SECONDS = 60

log = logging.getLogger("chronicle.valkey")


class ValkeyProcess:
    """One data folder's Valkey, started and watched, or attached to.

    `start` before anything connects, `watch` as a task for as long as the server runs, `stop` last.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binary: Path | None = None,
        temp_dir: Path | None = None,
        start_limit_seconds: float = 60,
        stop_limit_seconds: float = 10,
        ask_limit_seconds: float = 5,
        takeover_poll_seconds: float = 1,
        first_pause_seconds: float = 0.1,
        longest_pause_seconds: float = 5,
    ) -> None:
        """Take the folder; nothing is touched before `start`. `binary` None: look for one."""
        # Resolved, so that every process names the same socket whatever its working folder.
        self._folder = data_dir.resolve() / "valkey"
        self._binary = binary
        self._temp_dir = temp_dir or Path(tempfile.gettempdir())
        self._start_limit_seconds = start_limit_seconds
        self._stop_limit_seconds = stop_limit_seconds
        self._ask_limit_seconds = ask_limit_seconds
        self._takeover_poll_seconds = takeover_poll_seconds
        self._first_pause_seconds = first_pause_seconds
        self._longest_pause_seconds = longest_pause_seconds
        self._owner_lock = FileLock(self._folder / "owner.lock")
        self._child_lock = FileLock(self._folder / "child.lock")
        self._process: Process | None = None
        self._started_at = 0.0
        self._logged_before = 0
        self._changing = asyncio.Lock()
        self._stopping = False

    @property
    def socket(self) -> Path:
        """The Unix socket that clients connect to."""
        return place_socket(self._folder, self._temp_dir)

    @property
    def url(self) -> str:
        """The address for redis-py."""
        return f"unix://{quote(str(self.socket))}"

    @property
    def pid(self) -> int | None:
        """The child's process id; None when another process owns it, or it is down."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and running else None

    async def start(self) -> None:
        """Own a Valkey, or attach to the one whose owner is alive. It answers on return.

        Raises:
            CannotStart: there is no binary, it ended at once (its last log lines are in the
                message), or nothing answered in time. Nothing is left running.
        """
        self._make_folder()
        deadline = monotonic() + self._start_limit_seconds
        while not self._owner_lock.acquire():
            if await answers(self.socket):
                log.info("valkey attached", extra={"socket": str(self.socket)})
                return
            if monotonic() > deadline:
                raise CannotStart(
                    f"Another process holds {self._owner_lock.path}, and no Valkey answers at"
                    f" {self.socket}: end that process, or set CHRONICLE_VALKEY_URL"
                )
            await asyncio.sleep(POLL_SECONDS)
        try:
            await self._launch()
        except BaseException:
            await self.stop()
            raise

    async def watch(self) -> None:
        """Start the child again whenever it ends, and take over from an owner that is gone.

        Returns after `stop`; until then a failure is logged and tried again, ever more slowly.
        """
        pause = self._first_pause_seconds
        while True:
            await self._until_one_is_missing()
            if monotonic() - self._started_at > STEADY_SECONDS:
                pause = self._first_pause_seconds
            if not self._stopping:
                await asyncio.sleep(pause)
            if self._stopping:
                return
            pause = min(2 * pause, self._longest_pause_seconds)
            try:
                await self._launch()
            except CannotStart as error:
                log.error("valkey not restarted", extra={"reason": str(error)})  # noqa: TRY400

    async def stop(self) -> None:
        """End the child if it is ours: TERM, then KILL after the limit. Repeatable."""
        self._stopping = True
        async with self._changing:
            await self._end_child()
            self._owner_lock.let_go()

    async def _until_one_is_missing(self) -> None:
        while not self._owner_lock.acquire():
            if self._stopping:
                return
            await asyncio.sleep(self._takeover_poll_seconds)
        if self._process is not None:
            code = await self._process.wait()
            if not self._stopping:
                log.error("valkey ended", extra={"exit_code": code, "pid": self._process.pid})

    async def _launch(self) -> None:
        """Start a child and wait until it answers; whatever an earlier run left is ended first."""
        async with self._changing:
            if self._stopping:
                return
            binary = self._binary or find_binary()
            pid_file = self._folder / "valkey.pid"
            if await end_orphan(
                self.socket, pid_file, self._child_lock, ask_seconds=self._ask_limit_seconds
            ):
                log.warning("valkey of an earlier run ended", extra={"socket": str(self.socket)})
            self._started_at = monotonic()
            await self._until_ready(await self._spawn(binary))
        log.info("valkey ready", extra={"pid": self.pid, "socket": str(self.socket)})

    async def _spawn(self, binary: Path) -> Process:
        """Start the child and hand it its lock."""
        output = self._open_log()
        self._logged_before = os.fstat(output).st_size
        lock = self._child_lock.descriptor
        try:
            process = await asyncio.create_subprocess_exec(
                binary,
                *self._arguments(),
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                # No secrets of ours, and no locale that the machine may not have.
                env={"LC_ALL": "C"},
                # A Ctrl-C in the terminal is for the server, which still needs Valkey to drain.
                start_new_session=True,
                pass_fds=() if lock is None else (lock,),
            )
        except OSError as error:
            raise CannotStart(f"{binary} can't be run: {error}") from error
        finally:
            os.close(output)
            self._child_lock.let_go()
        self._process = process
        return process

    async def _until_ready(self, process: Process) -> None:
        deadline = monotonic() + self._start_limit_seconds
        while not await answers(self.socket):
            if process.returncode is not None:
                raise CannotStart(self._words("ended while starting"))
            if monotonic() > deadline:
                await self._end_child()
                raise CannotStart(self._words("did not answer in time"))
            await asyncio.sleep(POLL_SECONDS)

    async def _end_child(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(self._stop_limit_seconds):
                await self._process.wait()
        except TimeoutError:
            log.warning("valkey killed", extra={"pid": self._process.pid})
            self._process.kill()
            await self._process.wait()

    def _arguments(self) -> tuple[str, ...]:
        folder = str(self._folder)
        return (
            *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", folder, "--pidfile", f"{folder}/valkey.pid", "--daemonize", "no"),
            # What was acknowledged survives a crash of Valkey; at most a second is lost with the
            # machine. What may be used once is spent in the database in any case.
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            # Counters and codes are never dropped silently: a full memory is an error.
            *("--maxmemory-policy", "noeviction"),
            # The command line stays as it is here: it is how an orphan is recognised.
            *("--set-proc-title", "no", "--loglevel", "notice"),
        )

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
        except OSError as error:
            raise CannotStart(f"{self._folder} can't be made: {error}") from error

    def _open_log(self) -> int:
        path = self._folder / "valkey.log"
        fresh = os.O_TRUNC if path.exists() and path.stat().st_size > LOG_BYTES else 0
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | fresh, 0o600)

    def _words(self, what: str) -> str:
        path = self._folder / "valkey.log"
        said = path.read_bytes()[self._logged_before :].decode(errors="replace").splitlines()
        return "\n".join((f"Valkey {what}. Its log ({path}) says:", *said[-LOG_TAIL_LINES:]))
