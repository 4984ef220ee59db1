"""Something breaks under load: what was acknowledged stays, once, and nobody is wrongly let in.

`make faults` repeats each as often as it is told, and prints the figures.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from chronicle.adapters.shared_state.valkey_files import find_binary
from tests.faults.load import Figures, Load
from tests.faults.test_valkey_gone import kill_valkey
from tests.running_server import RunningServer, eventually, free_port
from tests.services.choice import with_database
from tests.services.mongo import RunningMongo, running_mongo
from tests.services.mongo_install import Missing
from tests.services.tcp_proxy import TcpProxy

pytestmark = pytest.mark.wider

RUNS = int(os.environ.get("CHRONICLE_FAULT_RUNS", "1"))
CUT_SECONDS = float(os.environ.get("CHRONICLE_CUT_SECONDS", "3"))
TROUBLE_SECONDS = 3


def run_through(name: str, server: RunningServer, break_it: Callable[[], object]) -> None:
    """Break it under load, as often as asked for, and hold the figures to the bar."""
    found = [one_run(f"{name}-{number}", server, break_it) for number in range(RUNS)]
    print_row(name, found)
    assert sum(each.lost for each in found) == 0
    assert sum(each.double for each in found) == 0
    assert sum(each.wrongly_admitted for each in found) == 0


def one_run(name: str, server: RunningServer, break_it: Callable[[], object]) -> Figures:
    load = Load(server, name)
    with load.at_work():
        load.await_progress()
        break_it()
        recovery = load.await_progress(steps=1)
        load.await_progress()
    return load.figures(recovery)


def print_row(name: str, found: list[Figures]) -> None:
    total = {
        field: sum(getattr(each, field) for each in found)
        for field in ("sent", "acknowledged", "failed", "lost", "double", "wrongly_admitted")
    }
    outage = max(each.longest_outage_seconds for each in found)
    recovery = max(each.recovery_seconds for each in found)
    counts = ", ".join(f"{field.replace('_', ' ')} {count}" for field, count in total.items())
    print(
        f"\n{name}: {len(found)} runs: {counts}; "
        f"longest outage {outage:.1f} s, slowest recovery {recovery:.1f} s"
    )


@contextlib.contextmanager
def standalone_valkey(folder: Path) -> Iterator[int]:
    """A Valkey of the test's own on a port; ended by force when the block ends."""
    port = free_port()
    options = ["--port", str(port), "--appendonly", "yes", "--save", ""]
    with subprocess.Popen(
        [find_binary(), *options], cwd=folder, stdout=subprocess.DEVNULL
    ) as process:
        try:
            with contextlib.closing(Redis(port=port)) as client:
                eventually(lambda: answers(client))
            yield port
        finally:
            process.kill()


def answers(client: Redis) -> bool:
    with contextlib.suppress(Exception):
        return bool(client.ping())
    return False


def test_valkey_is_killed(server: RunningServer) -> None:
    run_through("valkey-killed", server, partial(kill_valkey, server))


def test_valkey_is_flushed(server: RunningServer) -> None:
    socket = next((server.data_dir / "valkey").rglob("*.sock"))

    def flush() -> None:
        with contextlib.closing(Redis(unix_socket_path=str(socket))) as client:
            client.flushall()

    run_through("valkey-flushed", server, flush)


@pytest.mark.parametrize("slow", [False, True], ids=["cut", "slow"])
def test_valkey_is_cut_off_or_slow(tmp_path: Path, slow: bool) -> None:
    (tmp_path / "valkey").mkdir()
    with standalone_valkey(tmp_path / "valkey") as port, TcpProxy(port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        with RunningServer(tmp_path, CHRONICLE_VALKEY_URL=url) as server:
            if slow:
                run_through("valkey-slow", server, lambda: slow_down(proxy))
            else:
                run_through("valkey-cut", server, lambda: cut(proxy))


def cut(proxy: TcpProxy) -> None:
    proxy.cut()
    time.sleep(CUT_SECONDS)
    proxy.mend()


def slow_down(proxy: TcpProxy) -> None:
    proxy.slow_down(0.5)
    time.sleep(TROUBLE_SECONDS)
    proxy.mend()


@pytest.fixture
def mongo() -> Iterator[RunningMongo]:
    """A server of the test's own, which syncs to disk: it is to be broken."""
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(running_mongo(fsync=True))
        except Missing as missing:
            pytest.skip(f"no MongoDB: {missing}")
        yield running


def restarted(mongo: RunningMongo, _proxy: TcpProxy) -> None:
    mongo.restart()


def engine_killed(mongo: RunningMongo, _proxy: TcpProxy) -> None:
    mongo.postgres.restart()


def cut_off(_mongo: RunningMongo, proxy: TcpProxy) -> None:
    cut(proxy)


def slow(_mongo: RunningMongo, proxy: TcpProxy) -> None:
    slow_down(proxy)


def read_only(mongo: RunningMongo, _proxy: TcpProxy) -> None:
    mongo.set_read_only(True)
    time.sleep(TROUBLE_SECONDS)
    mongo.set_read_only(False)


@pytest.mark.parametrize("break_it", [restarted, engine_killed, cut_off, slow, read_only])
def test_mongo_breaks(
    mongo: RunningMongo, tmp_path: Path, break_it: Callable[[RunningMongo, TcpProxy], None]
) -> None:
    with TcpProxy(mongo.port) as proxy:
        server_url = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
        url = with_database(server_url, "faults")
        with RunningServer(tmp_path, CHRONICLE_DATABASE_URL=url) as server:
            name = f"mongo-{break_it.__name__.replace('_', '-')}"
            run_through(name, server, lambda: break_it(mongo, proxy))
