"""Puts what answers as MongoDB into the cache: DocumentDB on PostgreSQL, and FerretDB in front.

MongoDB's own server comes from no package registry. Debian forky has DocumentDB, a PostgreSQL
extension that keeps and queries BSON; it is installed into a root of its own, since it needs
newer libraries than the machine's. FerretDB speaks MongoDB's wire protocol in front of it.

Each part is made beside its place and moved there when it is complete: what stands there is whole,
and what a killed installation left is removed by the next. FerretDB is pinned (its sum is checked
by Go); Debian keeps one version at a time, so DocumentDB is the one forky has on that day.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FERRETDB = "github.com/FerretDB/FerretDB/v2/cmd/ferretdb@v2.7.0"
# A new name where the recipe changes: what an older one made is not taken for this one's.
_NAME = "documentdb-forky-18-ferretdb-2.7.0-1"
# What is in a new database. Its place is named for it, so that a changed one is made anew.
_STATEMENTS = Path(__file__).with_name("mongo.sql").read_text(encoding="utf-8")
_BIN = "/usr/lib/postgresql/18/bin"

# The extension's jobs connect as anybody does; each keeps the host that was set when it was made.
SETTINGS = (
    *("-c", "shared_preload_libraries=pg_cron,pg_documentdb_core,pg_documentdb"),
    *("-c", "cron.host=/srv"),
)


# What runs behind this ends, with all of its children, when the thread that started it ends; its
# mounts, shared memory and semaphores go with it.
_APART = (
    *("setpriv", "--pdeathsig=KILL"),
    *("unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child=KILL"),
)


class Missing(Exception):
    """What is missing here, and how to get it."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Where the parts stand: a Debian root, a program, and a database cluster to copy."""

    root: Path
    ferretdb: Path
    template: Path

    @property
    def is_complete(self) -> bool:
        return self.root.exists() and self.ferretdb.exists() and self.template.exists()

    @property
    def postgres_user(self) -> tuple[int, int]:
        """The user and group id of PostgreSQL within the root."""
        lines = (self.root / "etc" / "passwd").read_text(encoding="utf-8").splitlines()
        fields = next(line.split(":") for line in lines if line.startswith("postgres:"))
        return int(fields[2]), int(fields[3])

    def inside(self, data: Path, *command: str) -> list[str]:
        """The arguments that run a PostgreSQL program in the root, with `data` at /srv.

        The program is the first process of a process namespace of its own: when it ends, however
        it ends, so do all of its children. It is killed when the thread that started it ends.
        """
        script = (
            'mount --bind "$1" "$2/srv" && mount -t tmpfs tmpfs "$2/dev/shm" || exit; root=$2; '
            'shift 2; exec chroot "$root" setpriv --reuid=postgres --regid=postgres --clear-groups '
            '--pdeathsig=KILL env -i LC_ALL=C.UTF-8 PATH="$PATH" "$@"'
        )
        program, *arguments = command
        return [
            *_APART,
            *("sh", "-c", script, "sh", str(data), str(self.root), f"{_BIN}/{program}", *arguments),
        ]


def installed() -> Installed:
    """Where the parts stand.

    Raises:
        Missing: not all of them do, or who asks is not root, who alone can enter a Debian root.
    """
    parts = _places()
    if os.geteuid() != 0:
        raise Missing("needs root, to enter a Debian root")
    if not parts.is_complete:
        raise Missing("not installed: python -m tests.services.mongo install")
    return parts


def install() -> Installed:
    """Install what is not installed yet. Two at once wait for each other.

    Raises:
        Missing: something that this needs; parts that are complete stay.
    """
    if os.geteuid() != 0:
        raise Missing("needs root, to make a Debian root")
    parts = _places()
    folder = parts.root.parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        # Inherited: who is killed here holds the lock until what it started is gone as well.
        os.set_inheritable(lock.fileno(), True)
        fcntl.flock(lock, fcntl.LOCK_EX)
        _make_root(parts)
        _make_ferretdb(parts)
        _make_template(parts)
    return parts


def _places() -> Installed:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "chronicle-ci" / _NAME
    contents = hashlib.sha256(repr((SETTINGS, _STATEMENTS)).encode()).hexdigest()[:12]
    return Installed(folder / "root", folder / "ferretdb", folder / f"template-{contents}")


def _make_root(parts: Installed) -> None:
    with _in_the_making(parts.root) as part:
        if part is None:
            return
        _say("Fetching Debian's DocumentDB")
        # Apart, so that a killed one leaves no mount for rmtree to walk into.
        _run(
            *(*_APART, "mmdebstrap", "--quiet", "--mode=root", "--variant=apt"),
            '--aptopt=APT::Install-Recommends "false"',
            # A mirror's snapshot is still signed, and past its date.
            '--aptopt=Acquire::Check-Valid-Until "false"',
            *("--include=postgresql-18-documentdb", "forky", str(part)),
        )


def _make_ferretdb(parts: Installed) -> None:
    with _in_the_making(parts.ferretdb) as part:
        if part is None:
            return
        _say("Building FerretDB")
        _run("go", "install", FERRETDB, CGO_ENABLED="0", GOBIN=str(part.with_suffix(".bin")))
        (part.with_suffix(".bin") / "ferretdb").rename(part)
        part.with_suffix(".bin").rmdir()


def _make_template(parts: Installed) -> None:
    with _in_the_making(parts.template) as part:
        if part is None:
            return
        _say("Making a database")
        part.mkdir(mode=0o700)
        os.chown(part, *parts.postgres_user)
        options = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")
        _run(*parts.inside(part, "initdb", "--pgdata=/srv", *options))
        # With -j a statement ends at a semicolon with an empty line after it.
        single = ("--single", "-D", "/srv", "-j", *SETTINGS, "-c", "exit_on_error=on")
        _run(*parts.inside(part, "postgres", *single, "postgres"), words=_STATEMENTS)


@contextmanager
def _in_the_making(place: Path) -> Iterator[Path | None]:
    """Where to make what belongs at `place`, and move it there; None when it stands there."""
    if place.exists():
        yield None
        return
    part = place.with_suffix(".part")
    for left_over in (part, part.with_suffix(".bin")):
        if left_over.is_dir():
            shutil.rmtree(left_over)
        left_over.unlink(missing_ok=True)
    yield part
    part.rename(place)


def _run(*command: str, words: str = "", **environment: str) -> None:
    """Run it to its end. What it says is shown only when it fails."""
    try:
        done = subprocess.run(
            command,
            input=words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            close_fds=False,
            env=os.environ | environment,
        )
    except FileNotFoundError as error:
        raise Missing(f"{error.filename} is missing") from error
    if done.returncode != 0:
        shown = " ".join(command)
        raise Missing(f"{shown} failed:\n{done.stdout[-4000:]}")


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
