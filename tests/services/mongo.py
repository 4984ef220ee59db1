"""A server that answers as MongoDB, for tests: FerretDB in front of DocumentDB on PostgreSQL.

`python -m tests.services.mongo install` puts it into the cache. `python -m tests.services.mongo
serve` starts one, prints its URL, and runs until its standard input ends or a signal ends it.

Where it differs from MongoDB, a test that passes here proves nothing:
- It presents itself as a standalone server, so drivers retry no writes. It has no transactions
  (what was written in a failed one stays), change streams, `bulkWrite`, collations, hidden indexes.
- `create` drops a validator, which only `collMod` sets; a broken one is code 525074461 for 121 in
  an insert or update. `$jsonSchema` lacks `additionalProperties`, `patternProperties`, `anyOf`,
  `allOf`, `not`, `dependencies`, `minProperties`, `title`: `collMod` refuses them.
- Two writes of many documents at once can end in a deadlock, 16908292; MongoDB's can't.
- A duplicate key is 11000, but only its text has the index: `... Index 'people_email'`.
- Write concern 0 breaks the connection. Read and write concerns are accepted and mean nothing
  more than one PostgreSQL does anyway. Expired documents go within a minute, as they do there.
- PostgreSQL killed alone is code 1 until FerretDB has used up its broken connections.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.process_facts import children
from tests.running_server import free_port
from tests.services.mongo_install import SETTINGS, Installed, Missing, install, installed

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
# The asking process's number is in the name, so that a later one sees whose folder it was.
_FOLDER = "chronicle-mongo-{}-"


class Program:
    """One program of the service. Killed and started again, it keeps its port and its data."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        answers: Callable[[], bool],
        starter: ThreadPoolExecutor,
    ) -> None:
        self._command = command
        self._log = log
        self._answers = answers
        self._starter = starter
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The program itself, not what put it into its namespaces."""
        assert self._process is not None
        return next(iter(children(self._process.pid)), self._process.pid)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert self._process is None or self._process.poll() is not None, "it runs"
        # It dies with the thread that started it, so that thread has to be one that stays.
        self._process = self._starter.submit(self._spawn).result()
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"{self._command} does not answer:\n{self.log}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it and its children as a power cut would, if it runs. Returns when they are gone."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._process.wait(_STOP_SECONDS)

    def restart(self) -> None:
        self.kill()
        self.start()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


class RunningMongo:
    """A server at `url`, of two programs. Each can be killed alone, or both as one."""

    def __init__(
        self, parts: Installed, folder: Path, starter: ThreadPoolExecutor, *, fsync: bool
    ) -> None:
        data, port = folder / "data", free_port()
        self.url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        self.postgres = Program(
            parts.inside(data, "postgres", *_postgres_options(fsync=fsync)),
            log=folder / "postgres.log",
            answers=lambda: _postgres_answers(data),
            starter=starter,
        )
        self.ferretdb = Program(
            _ferretdb_command(parts.ferretdb, folder, port),
            log=folder / "ferretdb.log",
            answers=lambda: _mongo_answers(self.url, port),
            starter=starter,
        )

    def start(self) -> None:
        self.postgres.start()
        self.ferretdb.start()

    def kill(self) -> None:
        """Cut the power: connections break, and nothing is answered."""
        # FerretDB first: alone it would answer what is under way with an error of its own.
        self.ferretdb.kill()
        self.postgres.kill()

    def restart(self) -> None:
        """Kill both, and start them at the same URL with the same data."""
        self.kill()
        self.start()


@contextmanager
def running_mongo(*, fsync: bool = False) -> Iterator[RunningMongo]:
    """An empty server with a folder of its own; both are gone afterwards.

    Without `fsync` what was acknowledged outlives the death of its programs, but not the machine's.

    Raises:
        Missing: it is not installed.
    """
    parts = installed()
    _remove_left_folders()
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER.format(os.getpid())))
    try:
        _copy(parts.template, folder / "data")
        with ThreadPoolExecutor(1, thread_name_prefix="mongo-starter") as starter:
            mongo = RunningMongo(parts, folder, starter, fsync=fsync)
            try:
                mongo.start()
                yield mongo
            finally:
                mongo.kill()
    finally:
        shutil.rmtree(folder)


def _postgres_options(*, fsync: bool) -> Iterator[str]:
    """No port is opened: FerretDB and the extension's own jobs use a socket in the data folder."""
    settings = {
        "fsync": "on" if fsync else "off",
        "listen_addresses": "",
        "unix_socket_directories": "/srv",
        "documentdb.localhost_connection_string": "host=/srv",
        "cron.log_run": "off",
        "cron.log_statement": "off",
    }
    yield from ("-D", "/srv", *SETTINGS)
    for name, value in settings.items():
        yield from ("-c", f"{name}={value}")


def _ferretdb_command(program: Path, folder: Path, port: int) -> list[str]:
    return [
        *("setpriv", "--pdeathsig=KILL", str(program), "--no-auth", "--telemetry=disable"),
        f"--postgresql-url=postgres://postgres@/postgres?host={folder / 'data'}",
        f"--listen-addr=127.0.0.1:{port}",
        *("--debug-addr=-", "--log-level=WARN", f"--state-dir={folder / 'ferretdb'}"),
    ]


def _postgres_answers(data: Path) -> bool:
    """Whether PostgreSQL lets somebody in: a start-up message is answered R, or E with an error."""
    asked = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0"
    with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
        connection.connect(str(data / ".s.PGSQL.5432"))
        connection.sendall((len(asked) + 4).to_bytes(4, "big") + asked)
        return connection.recv(1) == b"R"
    return False


def _mongo_answers(url: str, port: int) -> bool:
    """Whether a command that goes through to PostgreSQL is answered."""
    with contextlib.suppress(OSError):
        # The driver would wait half a second before it tries again.
        socket.create_connection(("127.0.0.1", port)).close()
        client: MongoClient[dict[str, object]]
        with contextlib.suppress(PyMongoError), MongoClient(url) as client:
            return bool(client.admin.command("ping")["ok"])
    return False


def _copy(template: Path, data: Path) -> None:
    """Copy it with its owner, whom only `cp` keeps."""
    subprocess.run(["cp", "-a", "--reflink=auto", template, data], check=True)


def _remove_left_folders() -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(_FOLDER.format("*") + "*"):
        owner = re.match(_FOLDER.format("(\\d+)"), folder.name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _serve() -> None:
    signal.signal(signal.SIGTERM, _leave)
    with contextlib.suppress(KeyboardInterrupt), running_mongo() as mongo:
        sys.stdout.write(f"{mongo.url}\n")
        sys.stdout.flush()
        if os.path.samestat(os.fstat(0), Path(os.devnull).stat()):
            signal.pause()  # nobody's input, which ends at once
        sys.stdin.buffer.read()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    """Do what the command line asks."""
    try:
        match sys.argv[1:]:
            case ["install"]:
                install()
            case ["serve"]:
                _serve()
            case _:
                sys.exit("usage: python -m tests.services.mongo install|serve")
    except Missing as error:
        sys.exit(f"MongoDB for the tests: {error}")


if __name__ == "__main__":
    main()
