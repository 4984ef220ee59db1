"""One file on its way into the shelf, as a worker thread sees it: hashed, written, placed."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from chronicle.adapters.ipfs.shelf import Mark, Shelf
from chronicle.uploads.unixfs import Imported, Importer

# Dirty pages are sent to the disk while the rest of the file still comes: the fsync at the end of
# 1 GiB then takes 10 ms instead of 450.
_WRITE_BACK_BYTES = 16 << 20
_CLOSED = -1
_CAN_WRITE_BACK = hasattr(os, "posix_fadvise")


class Draft:
    """A file being written. Its calls block and follow each other; OSError passes through."""

    def __init__(self, shelf: Shelf, path: Path, importer: Importer) -> None:
        self._shelf = shelf
        self._path = path
        self._importer = importer
        self._file = _CLOSED
        self._written = 0
        self._sent_back = 0
        self._mark: Mark | None = None

    def begin(self) -> None:
        """Create the file."""
        self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)

    def append(self, pieces: Sequence[bytes]) -> None:
        """Hash and write at most 1024 pieces."""
        for piece in pieces:
            self._importer.update(piece)
        self._write(pieces)
        if _CAN_WRITE_BACK and self._written - self._sent_back >= _WRITE_BACK_BYTES:
            # Linux answers this advice by starting the write-back of what is dirty.
            length = self._written - self._sent_back
            os.posix_fadvise(self._file, self._sent_back, length, os.POSIX_FADV_DONTNEED)
            self._sent_back = self._written

    def _write(self, pieces: Sequence[bytes]) -> None:
        total = sum(map(len, pieces))
        written = os.writev(self._file, pieces)
        if written < total:
            # A disk that fills up takes a part; the next write then says that it is full.
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                rest = rest[os.write(self._file, rest) :]
        self._written += total

    def place(self) -> Imported:
        """Sync the file and place it on the shelf under its CID."""
        imported = self._importer.finish()
        os.fsync(self._file)
        self._close()
        self._mark = Mark.of(self._path, str(imported.cid))
        self._shelf.note(self._mark)
        self._shelf.place(self._mark, self._path, imported)
        return imported

    def settle(self) -> None:
        """Drop the mark of the placed file."""
        if self._mark is not None:
            self._mark.path.unlink(missing_ok=True)
            self._mark = None

    def discard(self, has_row: Callable[[str], bool]) -> None:
        """Remove what was written, and what was placed if nothing else refers to it."""
        self._close()
        self._path.unlink(missing_ok=True)
        if self._mark is not None:
            self._shelf.withdraw(self._mark, has_row)
            self._mark = None

    def _close(self) -> None:
        file, self._file = self._file, _CLOSED
        if file != _CLOSED:
            os.close(file)
