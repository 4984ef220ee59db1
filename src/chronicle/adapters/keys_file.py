"""The key file: a JSON list of `{"id", "purpose", "state", "secret"}`, id in hex, secret in base64.

Rotated keys also say since when they are active or retired (RFC 3339). Whoever reads the file can
read everything, so one that others may open is refused. It is made whole or not at all: two
processes that start together use the same keys. Only `change` replaces it, by a whole one.
"""

import base64
import binascii
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from chronicle.errors import CannotStart
from chronicle.security.keys import (
    KEY_ID_BYTES,
    SECRET_BYTES,
    Key,
    Keyring,
    Purpose,
    State,
    settled,
)

Random = Callable[[int], bytes]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class StoredKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One key as it stands in the file."""

    id: str
    purpose: Purpose
    state: State
    secret: str
    active_from: Moment | None = None
    retired_at: Moment | None = None

    def __repr__(self) -> str:
        return f"StoredKey(id={self.id!r}, purpose={str(self.purpose)!r})"


def load(path: Path, *, now: datetime | None = None) -> Keyring:
    """The keys of a file, as they are at this moment.

    Raises:
        CannotStart: there is no such file, others may read it, or it is not a whole set of keys.
    """
    content = _read_private(path)
    try:
        stored = msgspec.json.decode(content, type=list[StoredKey])
        return Keyring(settled(map(_opened, stored), now or datetime.now(UTC)))
    except (ValueError, RecursionError) as error:
        raise CannotStart(
            f"The key file {path} can't be used: {error}. Put the copy of it in its place; other"
            " keys can't open what these have sealed"
        ) from error


def create(path: Path, *, random: Random = secrets.token_bytes) -> bool:
    """Make a file with one new key for each purpose, mode 0600; durable on return.

    True if this call made it; False if there was one already, which stays as it is.

    Raises:
        CannotStart: it can't be written there; nothing is left behind.
    """
    keys = [
        Key(random(KEY_ID_BYTES), purpose, State.ACTIVE, random(SECRET_BYTES))
        for purpose in Purpose
    ]
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _write_once(path, _encoded(keys))
    except OSError as error:
        raise CannotStart(f"The key file {path} can't be made: {error}") from error


def change(path: Path, decide: Callable[[Keyring], Iterable[Key]], *, now: datetime) -> Keyring:
    """Replace the keys of a file by those that `decide` makes of them; durable on return.

    One change at a time, each made of what the one before it left. Readers see the old file or the
    new one. Whatever fails, and whatever `decide` raises, the old file stays.

    Raises:
        CannotStart: as `load`, or it can't be written.
        ValueError: what was decided is not a whole set of keys.
    """
    path = path.resolve()  # rename() would replace a link, not the file that it leads to
    try:
        with _locked(path):
            keys = list(decide(load(path, now=now)))
            changed = Keyring(keys)
            with _written_beside(path, _encoded(keys)) as temporary:
                temporary.replace(path)
            return changed
    except OSError as error:
        raise CannotStart(f"The key file {path} can't be changed: {error}") from error


def load_or_create(path: Path) -> Keyring:
    """The keys of a file, made first where there is none. For development only."""
    if not path.exists():
        create(path)
    return load(path)


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            # Of the opened file, not of the path, which may lead elsewhere a moment later.
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & 0o077:
                raise CannotStart(
                    f"The key file {path} is open to other users (mode {mode:04o}):"
                    f" run `chmod 600 {path}`, and consider its keys known to them"
                )
            return stream.read()
    except FileNotFoundError as error:
        raise CannotStart(
            f"There is no key file {path}: make one with `chronicle keys init --file {path}`"
        ) from error
    except OSError as error:
        raise CannotStart(f"The key file {path} can't be read: {error}") from error


def _opened(stored: StoredKey) -> Key:
    try:
        key_id = bytes.fromhex(stored.id)
        secret = base64.b64decode(stored.secret, validate=True)
    except (ValueError, binascii.Error):
        # Without the cause: it may hold a piece of the secret.
        raise ValueError(f"key {stored.id}: its id is not hex or its secret not base64") from None
    return Key(key_id, stored.purpose, stored.state, secret, stored.active_from, stored.retired_at)


def _encoded(keys: Iterable[Key]) -> bytes:
    stored = [
        StoredKey(
            each.id.hex(),
            each.purpose,
            each.state,
            base64.b64encode(each.secret).decode(),
            each.active_from,
            each.retired_at,
        )
        for each in keys
    ]
    return msgspec.json.format(msgspec.json.encode(stored)) + b"\n"


def _write_once(path: Path, content: bytes) -> bool:
    """Write beside the path, then link: the name appears with the whole file or not at all."""
    with _written_beside(path, content) as temporary:
        try:
            # Not rename(), which would replace the keys of a process that was faster.
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
    return True


@contextmanager
def _written_beside(path: Path, content: bytes) -> Iterator[Path]:
    """A synced file of mode 0600 in the same folder; gone afterwards, and the folder synced."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Nobody else changes this file until the block ends. The lock's own file stays."""
    lock = path.with_name(f".{path.name}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
