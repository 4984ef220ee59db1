"""`chronicle keys`: make the key file, see what is in it, rotate. A secret is never printed."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chronicle import settings
from chronicle.adapters import keys_file
from chronicle.errors import CannotStart
from chronicle.ledger.notes import Signer
from chronicle.security import key_rotation
from chronicle.security.keys import Key, Keyring, Purpose

# Twice as long as a verifier may keep the JWK set (`JWKS_SECONDS`), and ample for servers.
OVERLAP_SECONDS = 600


def init(*, file: Path | None = None) -> None:
    """Make a new key file, readable by this user alone. One that exists is never replaced.

    Parameters
    ----------
    file:
        Where; CHRONICLE_KEYS_FILE unless given.
    """
    path = file or settings.load_here().keys_file
    if not keys_file.create(path):
        raise CannotStart(f"There is a key file at {path} already; nothing was changed")
    print(f"Made {path} with one key for each of: {', '.join(Purpose)}.")
    print("Keep a copy of it elsewhere: without it, nothing that it has sealed can be opened.")


def list_keys(*, file: Path | None = None, origin: str | None = None) -> None:
    """List the keys by id, purpose and state, and the verifier keys that the ledger's have.

    Parameters
    ----------
    file:
        The key file; CHRONICLE_KEYS_FILE unless given.
    origin:
        The ledger's origin, which names its keys; CHRONICLE_LEDGER_ORIGIN unless given.
    """
    if file is None or origin is None:
        chosen = settings.load_here()
        file, origin = file or chosen.keys_file, origin or chosen.ledger_origin
    keyring = keys_file.load(file)
    print(f"{'id':<16}  {'purpose':<7}  {'state':<7}  verifier key, or since when")
    for key in (each for purpose in Purpose for each in keyring.of(purpose)):
        row = f"{key.id.hex()}  {key.purpose:<7}  {key.state:<7}  {_remark(key, origin)}"
        print(row.rstrip())


def rotate(
    purpose: Purpose, *, after_seconds: int = OVERLAP_SECONDS, file: Path | None = None
) -> None:
    """Make a new key that everybody knows now and that is used after a while; the old one stays.

    Parameters
    ----------
    purpose:
        token, field or cursor.
    after_seconds:
        When the new key is used: once every server has read the file, and for tokens every
        backend that checks them has fetched the JWK set again. 0 in an emergency.
    file:
        The key file; CHRONICLE_KEYS_FILE unless given.
    """
    if after_seconds < 0:
        raise CannotStart("--after-seconds takes 0 or more")
    path, now = file or settings.load_here().keys_file, datetime.now(UTC)

    def decide(ring: Keyring) -> list[Key]:
        after = timedelta(seconds=after_seconds)
        return key_rotation.rotated(ring, purpose, now=now, after=after, random=secrets.token_bytes)

    changed = keys_file.change(path, decide, now=now)
    if (key := changed.next(purpose)) is not None:
        begins = _moment(key.active_from)
        print(f"Key {key.id.hex()} becomes the active {purpose} key at {begins}.")
    print("Servers that use this file follow by themselves.")
    print("Copy the file again: what the new key seals can't be opened without it.")


def remove(key: str, *, force: bool = False, file: Path | None = None) -> None:
    """Take a key out of the file that nothing needs any more.

    Parameters
    ----------
    key:
        Its id, as `chronicle keys list` shows it.
    force:
        Remove a retired token key although tokens that it signed are still good; whoever has one
        has to sign in again.
    file:
        The key file; CHRONICLE_KEYS_FILE unless given.
    """
    chosen = settings.load_here()
    now = datetime.now(UTC)
    longest = max(chosen.access_token_seconds, chosen.refresh_idle_seconds)

    def decide(ring: Keyring) -> list[Key]:
        return key_rotation.without(
            ring, _key_id(key), now=now, tokens_live=timedelta(seconds=longest), force=force
        )

    keys_file.change(file or chosen.keys_file, decide, now=now)
    print(f"Removed key {key}.")


def _key_id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise CannotStart(f"{text} is no id of a key: ids have 16 hex digits") from error


def _remark(key: Key, origin: str) -> str:
    if key.purpose is Purpose.LEDGER:
        return Signer(origin, key.secret).verifier_key
    since = key.retired_at or key.active_from
    return _moment(since) if since else ""


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""
