"""The keys of one Chronicle: what each is for, which one writes and which ones only read.

A key is known before it is used: it comes as `next`, which everybody reads by already, and becomes
`active` at a moment that was fixed when it was made. Then the one before it is `retired`. So the
state follows from the clock, and processes that know the same keys need not talk to each other.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
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


ROTATABLE = frozenset({Purpose.FIELD, Purpose.TOKEN, Purpose.CURSOR})


class State(StrEnum):
    """`active` writes and reads (one a purpose); `retired` and `next` only read."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Key:
    """One secret of 32 bytes. `id` is 8 random bytes; `repr` never shows the secret.

    `active_from` is when a `next` key begins to write, and stays on it from then on; `retired_at`
    is when its successor began. Keys that are older than rotation have neither.
    """

    id: bytes
    purpose: Purpose
    state: State
    secret: bytes = field(repr=False)
    active_from: datetime | None = None
    retired_at: datetime | None = None


def settled(keys: Iterable[Key], now: datetime) -> list[Key]:
    """The keys as they are at this moment: a `next` one whose time has come is the active one."""
    known = list(keys)
    due = {
        key.purpose: key.active_from
        for key in known
        if key.state is State.NEXT and key.active_from is not None and key.active_from <= now
    }
    return [_settle(key, due[key.purpose]) if key.purpose in due else key for key in known]


def _settle(key: Key, moment: datetime) -> Key:
    if key.state is State.NEXT:
        return replace(key, state=State.ACTIVE)
    if key.state is State.ACTIVE:
        return replace(key, state=State.RETIRED, retired_at=moment)
    return key


class Keyring:
    """All keys at hand, by purpose and id. Who works with them follows, as they may change."""

    def __init__(self, keys: Iterable[Key]) -> None:
        """Take the keys.

        Raises:
            ValueError: a purpose has no active key or more than one, or more than one that is
                next; an id stands twice; or a secret or id has the wrong length.
        """
        self._by_id: dict[tuple[Purpose, bytes], Key] = {}
        self._active: dict[Purpose, Key] = {}
        self._next: dict[Purpose, Key] = {}
        self._followers: list[Callable[[Keyring], None]] = []
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
        if key.state is State.NEXT:
            if key.purpose in self._next:
                raise ValueError(f"more than one next key for {key.purpose}")
            if key.active_from is None or key.purpose not in ROTATABLE:
                raise ValueError(f"key {key.id.hex()} can't be the next for {key.purpose}")
            self._next[key.purpose] = key

    def active(self, purpose: Purpose) -> Key:
        """The one key that writes for this purpose."""
        return self._active[purpose]

    def next(self, purpose: Purpose) -> Key | None:
        """The key that will write for this purpose, if one waits."""
        return self._next.get(purpose)

    def find(self, purpose: Purpose, key_id: bytes) -> Key | None:
        """The key with this id, whatever its state, or None."""
        return self._by_id.get((purpose, key_id))

    def of(self, purpose: Purpose) -> list[Key]:
        """Every key of a purpose, the active one first."""
        keys = [key for key in self._by_id.values() if key.purpose is purpose]
        return sorted(keys, key=lambda key: key.state is not State.ACTIVE)

    def all(self) -> list[Key]:
        """Every key, in the order in which they were given."""
        return list(self._by_id.values())

    def follow(self, use: Callable[["Keyring"], None]) -> None:
        """Hand this ring to `use` now, and again whenever its keys have changed."""
        use(self)
        self._followers.append(use)

    def renew(self, keys: Iterable[Key]) -> bool:
        """Take these keys in place of the old ones, all at once; True if they are others.

        Raises:
            ValueError: as when it was made, or a key differs that can't change while in use.
                Nothing has changed.
        """
        fresh = Keyring(keys)
        if fresh._by_id == self._by_id:
            return False
        for purpose in set(Purpose) - ROTATABLE:
            if fresh.of(purpose) != self.of(purpose):
                raise ValueError(f"the {purpose} key has changed, which no rotation does")
        known = {key.id for key in fresh.of(Purpose.FIELD)}
        lost = [key.id.hex() for key in self.of(Purpose.FIELD) if key.id not in known]
        if lost:
            raise ValueError(f"field keys are missing: {', '.join(lost)}")
        self._by_id, self._active, self._next = fresh._by_id, fresh._active, fresh._next
        for use in self._followers:
            use(self)
        return True
