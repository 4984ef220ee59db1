"""`chronicle keys`: make the key file, and see what is in it. A secret is never printed."""

from pathlib import Path

from chronicle import settings
from chronicle.adapters import keys_file
from chronicle.errors import CannotStart
from chronicle.ledger.notes import Signer
from chronicle.security.keys import Key, Purpose


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
    print(f"{'id':<16}  {'purpose':<7}  {'state':<7}  verifier key")
    for key in (each for purpose in Purpose for each in keyring.of(purpose)):
        row = f"{key.id.hex()}  {key.purpose:<7}  {key.state:<7}  {_verifier_key(key, origin)}"
        print(row.rstrip())


def _verifier_key(key: Key, origin: str) -> str:
    return Signer(origin, key.secret).verifier_key if key.purpose is Purpose.LEDGER else ""
