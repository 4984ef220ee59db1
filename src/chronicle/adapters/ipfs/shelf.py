"""Contents in a folder, one flat file for each root CID, and the drafts that become them.

    files/<first digest byte, hex>/<cid>         a file's bytes
    files/<first digest byte, hex>/<cid>.dag     the inner nodes of its DAG as a CAR, if it has any
    incoming/<owner>/<draft>                     bytes on their way in
    incoming/<owner>/<draft>~<cid>               a mark: this draft was placed, its row is not known

A flat file is one sequential write, one fsync and a plain `pread` for a range; the leaves of the
DAG are pieces of it. Everything here blocks and runs in worker threads.

Several processes may share the folder. Each owns one folder of drafts, which it holds locked as
long as it lives; drafts of a dead owner are cleared by the next start. What makes two drafts of one
CID safe from each other: a draft is marked before it is placed, placing replaces whatever stands
there, and content is removed only under its shard's lock, when first no other mark and then no row
refers to it. A mark goes only after its row is committed, so at each moment one of the two is seen.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chronicle.errors import Unavailable
from chronicle.uploads.car import encode_car
from chronicle.uploads.cids import Cid
from chronicle.uploads.unixfs import Imported

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MARK = "~"


@dataclass(frozen=True, slots=True)
class Mark:
    """A draft that was placed under a CID and whose row may not be committed."""

    path: Path

    @classmethod
    def of(cls, draft: Path, cid: str) -> "Mark":
        """The mark of a draft that is about to be placed under a CID."""
        return cls(draft.with_name(f"{draft.name}{_MARK}{cid}"))

    @property
    def cid(self) -> str:
        """The CID that it was placed under."""
        return self.path.name.partition(_MARK)[2]


class Shelf:
    """The folder of contents and drafts."""

    def __init__(self, folder: Path) -> None:
        self._contents = folder / "files"
        self._incoming = folder / "incoming"

    def prepare(self) -> None:
        """Make the folders that are missing, durably."""
        for path in (self._contents, self._incoming):
            path.mkdir(parents=True, exist_ok=True)
        # All at once: a shard made on demand would have to be synced by each draft that meets it.
        for first_byte in range(256):
            (self._contents / f"{first_byte:02x}").mkdir(exist_ok=True)
        for path in (self._contents, self._contents.parent):
            _sync_folder(path)

    def path(self, cid: str) -> Path:
        """Where the content of a CID stands, or would. InvalidCid when it is none."""
        return self._shard(cid) / cid

    def _shard(self, cid: str) -> Path:
        return self._contents / f"{Cid.parse(cid).digest[0]:02x}"

    def note(self, mark: Mark) -> None:
        """Leave a mark, durably. After a failure it may be there, too: `withdraw` removes it."""
        mark.path.touch(exist_ok=False)
        _sync_folder(mark.path.parent)

    def place(self, mark: Mark, draft: Path, imported: Imported) -> None:
        """Make a synced and marked draft readable under its CID, durably."""
        with self._locked_shard(mark.cid) as shard:
            if imported.inner_nodes:
                self._place_dag(draft, imported)
            draft.replace(self.path(mark.cid))
            os.fsync(shard)

    def _place_dag(self, draft: Path, imported: Imported) -> None:
        written = _dag_path(draft)
        try:
            with written.open("xb") as file:
                file.write(encode_car(imported.cid, imported.inner_nodes))
                file.flush()
                os.fsync(file.fileno())
            written.replace(_dag_path(self.path(str(imported.cid))))
        except OSError:
            written.unlink(missing_ok=True)
            raise

    def withdraw(self, mark: Mark, has_row: Callable[[str], bool]) -> None:
        """Undo a placing, unless something else refers to the content.

        When `has_row` raises, content and mark stay as they are.
        """
        with self._locked_shard(mark.cid) as shard:
            # Marks first, rows second: an upload that loses its mark in between has its row.
            if not self._marked_by_others(mark) and not has_row(mark.cid):
                content = self.path(mark.cid)
                content.unlink(missing_ok=True)
                _dag_path(content).unlink(missing_ok=True)
                os.fsync(shard)
            # Under the lock: of two that withdraw at once the second must not see the first's.
            mark.path.unlink(missing_ok=True)

    def _marked_by_others(self, mark: Mark) -> bool:
        for owner in self._incoming.iterdir():
            # One that is let go of meanwhile was empty.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                for path in owner.iterdir():
                    if path != mark.path and _MARK in path.name and Mark(path).cid == mark.cid:
                        return True
        return False

    @contextlib.contextmanager
    def _locked_shard(self, cid: str) -> Iterator[int]:
        with _open_folder(self._shard(cid)) as shard:
            fcntl.flock(shard, fcntl.LOCK_EX)
            yield shard

    def claim(self, owner: str) -> "Claim":
        """A folder of drafts for this process."""
        path = self._incoming / owner
        while True:
            path.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
                fcntl.flock(folder, fcntl.LOCK_EX)
                # Before it was locked, another start may have cleared it as a dead owner's.
                if path.exists() and path.stat().st_ino == os.fstat(folder).st_ino:
                    _sync_folder(self._incoming)
                    return Claim(path, folder)
                os.close(folder)

    def clear_dead_owners(self, has_row: Callable[[str], bool]) -> None:
        """Remove the drafts of processes that are gone, and placed content without a row."""
        for path in filter(Path.is_dir, sorted(self._incoming.iterdir())):
            with contextlib.suppress(FileNotFoundError), _open_folder(path) as folder:
                try:
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                self._clear(path, has_row)

    def _clear(self, owner: Path, has_row: Callable[[str], bool]) -> None:
        for path in sorted(owner.iterdir()):
            if _MARK in path.name:
                self.withdraw(Mark(path), has_row)
            else:
                path.unlink()
        owner.rmdir()


@dataclass(frozen=True, slots=True)
class Claim:
    """A process's own folder of drafts, locked while `folder` is open."""

    path: Path
    folder: int

    def release(self) -> None:
        """Leave the folder to the next start, or take it along when nothing is in it."""
        with contextlib.suppress(OSError):
            self.path.rmdir()
        os.close(self.folder)


@contextlib.contextmanager
def storage_failures() -> Iterator[None]:
    """Tell what the file system says in the domain's words."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            message = "The server has no room left for this file. Nothing was stored."
            raise Unavailable("storage_full", message) from error
        raise Unavailable(message="The file could not be stored.") from error


def _dag_path(content: Path) -> Path:
    return content.with_name(content.name + ".dag")


def _sync_folder(path: Path) -> None:
    with _open_folder(path) as folder:
        os.fsync(folder)


@contextlib.contextmanager
def _open_folder(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
