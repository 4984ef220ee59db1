"""Follows the key file while the server runs, so that a rotation needs no restart."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from chronicle.adapters import keys_file
from chronicle.errors import CannotStart
from chronicle.security.keys import Keyring, Purpose, settled

_log = logging.getLogger(__name__)

# What tells one file from the next: inode, size, time of change of the content and of the entry.
_Stamp = tuple[int, int, int, int]


class KeyWatch:
    """Looks at the key file, and at the clock for a key whose time has come.

    A file that can't be used changes nothing: the keys that were read before go on, and an error
    in the log says what is wrong with it.
    """

    def __init__(self, path: Path, ring: Keyring, now: Callable[[], datetime]) -> None:
        self._path = path
        self._ring = ring
        self._now = now
        # Not the stamp of now: the file may have changed since the ring was read from it.
        self._stamp: _Stamp | None = None
        self._trouble = ""

    async def look(self) -> None:
        """Take over what has changed, all at once. Cheap when nothing has."""
        try:
            stamp = _stamp_of(self._path)
            if stamp == self._stamp:
                self._use(self._ring, settled_only=True)
                return
            # A file that is changed while it is read has another stamp at the next look.
            self._use(keys_file.load(self._path, now=self._now()))
            self._stamp, self._trouble = stamp, ""
        except (OSError, ValueError, CannotStart) as error:
            self._complain(str(error))

    def _use(self, keys: Keyring, *, settled_only: bool = False) -> None:
        if settled_only and not any(keys.next(purpose) for purpose in Purpose):
            return
        if self._ring.renew(settled(keys.all(), self._now())):
            _log.warning("the keys have changed", extra={"keys": self._active()})

    def _active(self) -> str:
        return ", ".join(f"{purpose} {self._ring.active(purpose).id.hex()}" for purpose in Purpose)

    def _complain(self, trouble: str) -> None:
        # A waiting key begins all the same: every other process that knows it begins now.
        self._use(self._ring, settled_only=True)
        if trouble != self._trouble:
            _log.error("The key file can't be used; going on with the keys as read. %s", trouble)
        self._trouble = trouble


def _stamp_of(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
