"""The keys of one Chronicle: what each is for, which one writes and which ones only read."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

KEY_ID_BYTES = 8
SECRET_BYTES = 32


class Purpose(StrEnum):
    """What a key is for. Keys of different purposes are drawn independently of each other."""

    FIELD = "field"
    INDEX = "index"
    TOKEN = "token"
    LEDGER = "ledger"
    AUDIT = "audit"
    CURSOR = "cursor"


class State(StrEnum):
    """`active` writes and reads (one a purpose); `retired` only reads."""

    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Key:
    """One secret of 32 bytes. `id` is 8 random bytes; `repr` never shows the secret."""

    id: bytes
    purpose: Purpose
    state: State
    secret: bytes = field(repr=False)


class Keyring:
    """All keys at hand, by purpose and id."""

    def __init__(self, keys: Iterable[Key]) -> None:
        """Take the keys.

        Raises:
            ValueError: a purpose has no active key or more than one, an id stands twice, or a
                secret or id has the wrong length.
        """
        self._by_id: dict[tuple[Purpose, bytes], Key] = {}
        self._active: dict[Purpose, Key] = {}
        for key in keys:
            self._take(key)
        missing = [purpose.value for purpose in Purpose if purpose not in self._active]
        if missing:
            raise ValueError(f"no active key for: {', '.join(missing)}")

    def _take(self, key: Key) -> None:
        if len(key.id) != KEY_ID_BYTES or len(key.secret) != SECRET_BYTES:
            raise ValueError(f"key {key.id.hex()}: an id has 8 bytes and a secret has 32")
        if (key.purpose, key.id) in self._by_id:
            raise ValueError(f"key {key.id.hex()} stands twice for {key.purpose}")
        self._by_id[key.purpose, key.id] = key
        if key.state is State.ACTIVE:
            if key.purpose in self._active:
                raise ValueError(f"more than one active key for {key.purpose}")
            self._active[key.purpose] = key

    def active(self, purpose: Purpose) -> Key:
        """The one key that writes for this purpose."""
        return self._active[purpose]

    def find(self, purpose: Purpose, key_id: bytes) -> Key | None:
        """The key with this id, active or retired, or None."""
        return self._by_id.get((purpose, key_id))

    def of(self, purpose: Purpose) -> list[Key]:
        """Every key of a purpose, the active one first."""
        keys = [key for key in self._by_id.values() if key.purpose is purpose]
        return sorted(keys, key=lambda key: key.state is not State.ACTIVE)
