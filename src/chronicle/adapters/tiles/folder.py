"""Tiles in a local folder: each blob is a file that is whole and on the disk, or not there.

Whole: written beside the folder's contents in `.incoming/`, synced, then renamed into place. On the
disk: after the rename the folder is synced too, and so is each folder on the way that was made.
"""

import asyncio
import fcntl
import os
import re
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from chronicle.errors import Unavailable

Answer = TypeVar("Answer")

_INCOMING = ".incoming"
_REMEMBERED_FOLDERS = 4096
_ELEMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class FolderTiles:
    """A `TileStore` in a folder, which is made when first written to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sweeping = threading.Lock()
        self._swept = False
        # Folders whose own entry in their parent is known to be on the disk.
        self._synced: set[Path] = set()

    async def write(self, path: str, content: bytes) -> None:
        """Store a blob whole, synced with its folder, or raise `Unavailable`."""
        target = self._locate(path)
        await _off_the_loop(lambda: self._write(target, content))

    async def read(self, path: str) -> bytes | None:
        """The blob, or None."""
        target = self._locate(path)
        return await _off_the_loop(lambda: _read(target))

    async def remove(self, path: str) -> None:
        """Remove the blob if it is there."""
        target = self._locate(path)
        await _off_the_loop(lambda: self._remove(target))

    async def list(self, folder: str) -> list[str]:
        """The paths of the blobs directly in a folder, sorted."""
        place = self._locate(folder)
        names = await _off_the_loop(lambda: _files_in(place))
        return sorted(f"{folder}/{name}" for name in names)

    def _locate(self, path: str) -> Path:
        elements = path.split("/")
        if not all(_ELEMENT.fullmatch(element) for element in elements):
            raise ValueError(f"{path!r} is no path of a blob")
        return self._root.joinpath(*elements)

    def _write(self, target: Path, content: bytes) -> None:
        incoming = self._root / _INCOMING
        self._make_folder(incoming)
        with self._sweeping:
            if not self._swept:
                _sweep(incoming)
                self._swept = True
        draft = incoming / secrets.token_hex(16)
        try:
            _write_draft(draft, content, lambda: self._put_in_place(draft, target))
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def _put_in_place(self, draft: Path, target: Path) -> None:
        self._make_folder(target.parent)
        try:
            draft.rename(target)
        except FileNotFoundError:
            # The folder was empty a moment ago and has been removed.
            self._synced.discard(target.parent)
            self._make_folder(target.parent)
            draft.rename(target)
        _sync_folder(target.parent)

    def _make_folder(self, folder: Path) -> None:
        # A folder that merely exists may have been made just before a crash, or by another writer
        # who has not synced it yet.
        if folder in self._synced:
            return
        if folder != self._root:
            self._make_folder(folder.parent)
        folder.mkdir(parents=folder == self._root, exist_ok=True)
        _sync_folder(folder.parent)
        if len(self._synced) > _REMEMBERED_FOLDERS:
            self._synced.clear()
        self._synced.add(folder)

    def _remove(self, target: Path) -> None:
        try:
            target.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
        # Not synced: a blob that comes back after a power cut harms nobody.
        if target.parent.suffix == ".p":
            # Ten million entries would leave as many empty folders of partial tiles behind.
            _remove_if_empty(target.parent)


async def _off_the_loop(work: Callable[[], Answer]) -> Answer:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise Unavailable("storage_unavailable", "The log's storage is failing.") from error


def _write_draft(draft: Path, content: bytes, when_durable: Callable[[], None]) -> None:
    with draft.open("xb") as file:
        # Held until the file has its name, so that a sweep takes no draft that is being written;
        # the lock of a process that was killed is gone with it.
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        when_durable()


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # Not empty, or another writer was first.
        return


def _read(target: Path) -> bytes | None:
    try:
        return target.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _files_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return [each.name for each in found if each.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _sweep(incoming: Path) -> None:
    """Remove the drafts of writers that were killed: nobody holds their lock."""
    for draft in incoming.iterdir():
        try:
            with draft.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft.unlink(missing_ok=True)
        except (BlockingIOError, FileNotFoundError):
            continue
