"""Real Valkeys for tests: one alone, with TLS, a primary under Sentinels, a Cluster.

All run the binary that Chronicle embeds, but with TLS: that needs a `redis-server` of the system,
as the embedded one is built without.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisError

from chronicle.adapters.shared_state.valkey import Valkey, connect, trust_of
from chronicle.adapters.shared_state.valkey_files import find_binary
from tests.running_server import eventually, free_port
from tests.services.certificates import Certificates

SERVICE = "chronicle"
PASSWORD = "a password % of: Valkey@home"
_QUOTED = "a%20password%20%25%20of%3A%20Valkey%40home"

_SLOTS = 16384


class Server:
    """One `valkey-server`, at a free port of 127.0.0.1, over a folder that outlives it."""

    def __init__(
        self, folder: Path, *options: str, binary: Path | None = None, port: int | None = None
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._options = options
        self._binary = binary or find_binary()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, *self._arguments()], stdout=log, stderr=log, cwd=self.folder
            )
        return self

    def client(self, **options: Any) -> "Redis":
        return Redis(host="127.0.0.1", port=self.port, socket_timeout=5, **options)

    def answers(self, **options: Any) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        with contextlib.suppress(RedisError), self.client(**options) as client:
            return bool(client.ping())
        return False

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def hang(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _arguments(self) -> Sequence[str]:
        return (
            *("--bind", "127.0.0.1", "--dir", str(self.folder)),
            *(() if "--port" in self._options else ("--port", str(self.port))),
            *("--save", "", *self._options),
        )


class Sentinel(Server):
    """One Sentinel; its configuration is a file that it writes itself."""

    def __init__(self, folder: Path, primary: Server, *, quorum: int) -> None:
        super().__init__(folder)
        self._text = "\n".join(
            (
                f"port {self.port}",
                "bind 127.0.0.1",
                f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} {quorum}",
                f"sentinel auth-pass {SERVICE} secret",
                f"sentinel down-after-milliseconds {SERVICE} 500",
                f"sentinel failover-timeout {SERVICE} 3000",
                f"sentinel parallel-syncs {SERVICE} 1",
                "",
            )
        )

    def start(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "sentinel.conf").write_text(self._text)
        return super().start()

    def _arguments(self) -> Sequence[str]:
        return (str(self.folder / "sentinel.conf"), "--sentinel")


class Alone:
    """One server, with a password that has to be quoted in a URL, and database 2."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder, "--requirepass", PASSWORD, "--appendonly", "yes")
        self.servers = [self.server]

    @property
    def url(self) -> str:
        return f"valkey://:{_QUOTED}@127.0.0.1:{self.server.port}/2"

    def raw(self) -> "Redis":
        """Another program's client of what is kept."""
        return self.server.client(password=PASSWORD, db=2)

    @property
    def ca_file(self) -> Path | None:
        return None

    def start(self) -> Self:
        self.server.start()
        eventually(lambda: self.server.answers(password=PASSWORD))
        return self


class Encrypted:
    """One server with TLS, which asks its clients for nothing but the password."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("redis-server")
        assert binary, "TLS needs a redis-server on the PATH: apt-get install redis-server"
        self.certificates = Certificates(folder / "certificates")
        self.server = Server(
            folder / "server",
            *("--port", "0", "--tls-auth-clients", "no", "--requirepass", PASSWORD),
            *("--tls-cert-file", str(self.certificates.server.certificate)),
            *("--tls-key-file", str(self.certificates.server.key)),
            *("--tls-ca-cert-file", str(self.certificates.ca_file)),
            binary=Path(binary),
        )
        self.server._options += ("--tls-port", str(self.server.port))
        self.servers = [self.server]

    @property
    def url(self) -> str:
        return f"rediss://:{_QUOTED}@127.0.0.1:{self.server.port}"

    @property
    def ca_file(self) -> Path | None:
        return self.certificates.ca_file

    def raw(self) -> "Redis":
        return self.server.client(password=PASSWORD, **self._tls)

    @property
    def _tls(self) -> dict[str, Any]:
        return {"ssl": True, "ssl_ca_certs": str(self.certificates.ca_file)}

    def start(self) -> Self:
        self.server.start()
        eventually(lambda: self.server.answers(password=PASSWORD, **self._tls))
        return self


class Watched:
    """A primary, its replica, and three Sentinels of whom two must agree."""

    def __init__(self, folder: Path) -> None:
        secret = ("--requirepass", "secret", "--masterauth", "secret", "--appendonly", "yes")
        self.primary = Server(folder / "primary", *secret)
        follow = ("--replicaof", f"127.0.0.1 {self.primary.port}")
        self.replica = Server(folder / "replica", *secret, *follow)
        self.sentinels = [
            Sentinel(folder / f"sentinel{number}", self.primary, quorum=2) for number in range(3)
        ]
        self.servers = [self.primary, self.replica, *self.sentinels]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        return f"redis+sentinel://:secret@{hosts}/{SERVICE}"

    @property
    def ca_file(self) -> Path | None:
        return None

    def raw(self) -> "Redis":
        return self.primary_now.client(password="secret")

    @property
    def primary_now(self) -> Server:
        """The server that the Sentinels say is the primary."""
        port = eventually(lambda: self.primary_port)
        return next(each for each in self.servers if each.port == port)

    @property
    def primary_port(self) -> int | None:
        """Where the Sentinels say that the primary is."""
        for sentinel in self.sentinels:
            with contextlib.suppress(RedisError), sentinel.client() as client:
                found = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
                return int(found[1])
        return None

    def start(self) -> Self:
        self.primary.start()
        eventually(lambda: self.primary.answers(password="secret"))
        self.replica.start()
        eventually(self._copies)
        for sentinel in self.sentinels:
            sentinel.start()
        eventually(lambda: all(map(self._sees_all, self.sentinels)))
        return self

    def _copies(self) -> bool:
        with contextlib.suppress(RedisError), self.replica.client(password="secret") as client:
            return bool(client.info("replication")["master_link_status"] == "up")
        return False

    def _sees_all(self, sentinel: Sentinel) -> bool:
        with contextlib.suppress(RedisError), sentinel.client(decode_responses=True) as client:
            flat = client.execute_command("SENTINEL", "MASTER", SERVICE)
            seen = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
            others = int(seen["num-other-sentinels"]) == len(self.sentinels) - 1
            return others and int(seen["num-slaves"]) == 1
        return False


class Clustered:
    """Three primaries without replicas that share the slots."""

    def __init__(self, folder: Path) -> None:
        self.buses = [free_port() for _ in range(3)]
        self.servers = [
            self._new(folder / f"node{number}", bus) for number, bus in enumerate(self.buses)
        ]

    @property
    def url(self) -> str:
        # Two of them: the third is found.
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.servers[:2])
        return f"redis+cluster://:secret@{hosts}"

    @property
    def ca_file(self) -> Path | None:
        return None

    def raw(self) -> RedisCluster:
        return RedisCluster(host="127.0.0.1", port=self.servers[0].port, password="secret")

    def start(self) -> Self:
        for server in self.servers:
            server.start()
        for number, server in enumerate(self.servers):
            eventually(lambda server=server: server.answers(password="secret"))
            first, after = _SLOTS * number // 3, _SLOTS * (number + 1) // 3
            with server.client(password="secret") as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, after - 1)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                client.execute_command("CLUSTER", "MEET", *self._first)
        eventually(lambda: all(map(self._whole, self.servers)))
        return self

    @property
    def _first(self) -> tuple[str, int, int]:
        return "127.0.0.1", self.servers[0].port, self.buses[0]

    @staticmethod
    def _new(folder: Path, bus: int) -> Server:
        return Server(
            folder,
            *("--cluster-enabled", "yes", "--cluster-node-timeout", "1000"),
            *("--cluster-require-full-coverage", "no", "--appendonly", "yes"),
            *("--requirepass", "secret", "--cluster-port", str(bus)),
        )

    @staticmethod
    def _whole(server: Server) -> bool:
        with contextlib.suppress(RedisError), server.client(password="secret") as client:
            info = client.execute_command("CLUSTER", "INFO")
            return b"cluster_state:ok" in info and b"cluster_slots_ok:%d" % _SLOTS in info
        return False


Service = Alone | Encrypted | Watched | Clustered

# What runs it in `make test`, and what only `make wider` starts.
EVERY_KIND = (
    "valkey",
    *(
        pytest.param(kind, marks=pytest.mark.wider)
        for kind in ("valkey-tls", "valkey-sentinel", "valkey-cluster")
    ),
)

KINDS: dict[str, Callable[[Path], Service]] = {
    "valkey": Alone,
    "valkey-tls": Encrypted,
    "valkey-sentinel": Watched,
    "valkey-cluster": Clustered,
}


@contextlib.contextmanager
def running(kind: str, folder: Path) -> Iterator[Any]:
    """Start one of them, and end it when the block does."""
    service = KINDS[kind](folder)
    try:
        yield service.start()
    finally:
        for server in reversed(service.servers):
            with contextlib.suppress(ProcessLookupError, AssertionError):
                server.go_on()
            server.kill()


class Services:
    """Each kind that is asked for, started once and ended together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[str, Service] = {}
        self._stack = contextlib.ExitStack()

    def __getitem__(self, kind: str) -> Service:
        if kind not in self._started:
            started = self._stack.enter_context(running(kind, self._folder / kind))
            self._started[kind] = started
        return self._started[kind]

    def close(self) -> None:
        self._stack.close()


@dataclass(frozen=True, slots=True)
class Store:
    """What Chronicle opens over a service, and another program's client of the same."""

    service: Service
    valkey: Valkey
    raw: "Redis | RedisCluster"

    def keys(self) -> list[bytes]:
        """The names of all that is kept, sorted."""
        if isinstance(self.raw, RedisCluster):
            return sorted(self.raw.keys("*", target_nodes=RedisCluster.PRIMARIES))
        return sorted(self.raw.keys("*"))


@contextlib.asynccontextmanager
async def opened(service: Service) -> AsyncIterator[Store]:
    """Open a service, emptied."""
    client = connect(service.url, trust=trust_of(service.ca_file, None, None))
    raw = service.raw()
    try:
        raw.flushall()
        assert await client.is_up(within_seconds=5)
        yield Store(service, client, raw)
    finally:
        await client.aclose()
        raw.close()
