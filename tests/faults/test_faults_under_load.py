"""Something breaks under load: what was acknowledged stays, once, and nobody is wrongly let in.

`make faults` repeats each as often as it is told, and prints the figures.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from chronicle.adapters.shared_state.valkey_files import find_binary
from tests.faults.load import Figures, Load
from tests.faults.test_valkey_gone import kill_valkey
from tests.running_server import RunningServer, eventually, free_port
from tests.services.tcp_proxy import TcpProxy

pytestmark = pytest.mark.wider

RUNS = int(os.environ.get("CHRONICLE_FAULT_RUNS", "1"))
CUT_SECONDS = float(os.environ.get("CHRONICLE_FAULT_SECONDS", "3"))


def run_through(
    name: str, server: RunningServer, fault: Callable[[], contextlib.AbstractContextManager[object]]
) -> None:
    """Break it under load, as often as asked for, and hold the figures to the bar."""
    found = [one_run(f"{name}-{number}", server, fault) for number in range(RUNS)]
    print_row(name, found)
    assert sum(each.lost for each in found) == 0
    assert sum(each.double for each in found) == 0
    assert sum(each.wrongly_admitted for each in found) == 0


def one_run(
    name: str, server: RunningServer, fault: Callable[[], contextlib.AbstractContextManager[object]]
) -> Figures:
    load = Load(server, name)
    with load.at_work():
        load.await_progress()
        with fault():
            pass
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
    @contextlib.contextmanager
    def killed() -> Iterator[None]:
        kill_valkey(server)
        yield

    run_through("valkey-killed", server, killed)


def test_valkey_is_flushed(server: RunningServer) -> None:
    socket = next((server.data_dir / "valkey").rglob("*.sock"))

    @contextlib.contextmanager
    def flushed() -> Iterator[None]:
        with contextlib.closing(Redis(unix_socket_path=str(socket))) as client:
            client.flushall()
        yield

    run_through("valkey-flushed", server, flushed)


@pytest.mark.parametrize("slow", [False, True], ids=["cut", "slow"])
def test_valkey_is_cut_off_or_slow(tmp_path: Path, slow: bool) -> None:
    (tmp_path / "valkey").mkdir()
    with (
        standalone_valkey(tmp_path / "valkey") as port,
        TcpProxy(port) as proxy,
        RunningServer(tmp_path, CHRONICLE_VALKEY_URL=f"redis://127.0.0.1:{proxy.port}/0") as server,
    ):

        @contextlib.contextmanager
        def off() -> Iterator[None]:
            if slow:
                proxy.slow_down(0.5)
            else:
                proxy.cut()
            time.sleep(CUT_SECONDS)
            proxy.mend()
            yield

        run_through("valkey-slow" if slow else "valkey-cut", server, off)
