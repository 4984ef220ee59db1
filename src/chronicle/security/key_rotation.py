"""Which key may follow which, when it begins to write, and when an old one may go."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from chronicle.errors import CannotStart
from chronicle.security.keys import (
    KEY_ID_BYTES,
    ROTATABLE,
    SECRET_BYTES,
    Key,
    Keyring,
    Purpose,
    State,
)

_WHY_NOT = {
    Purpose.INDEX: (
        "addresses are found by hashes under the index key, and under another one nobody would be"
        " found any more"
    ),
    Purpose.LEDGER: (
        "whoever checks a proof knows the ledger by this key; another one would be another ledger"
    ),
    Purpose.AUDIT: "nothing is made with the audit key, so there is nothing to renew",
}


def rotated(
    ring: Keyring,
    purpose: Purpose,
    *,
    now: datetime,
    after: timedelta,
    random: Callable[[int], bytes],
) -> list[Key]:
    """The keys with a new one for a purpose, which begins to write after this time.

    Where one waits already, it begins earlier if this time is shorter: no second one is made.

    Raises:
        CannotStart: the purpose's key can't be rotated, or one waits that begins no later.
    """
    if purpose not in ROTATABLE:
        raise CannotStart(f"The {purpose} key is not rotated: {_WHY_NOT[purpose]}")
    begins = now + after
    waiting = ring.next(purpose)
    if waiting is None:
        new = Key(random(KEY_ID_BYTES), purpose, State.NEXT, random(SECRET_BYTES), begins)
        return [*ring.all(), new]
    if waiting.active_from is not None and waiting.active_from <= begins:
        raise CannotStart(
            f"A rotation is under way: key {waiting.id.hex()} becomes the active {purpose} key at"
            f" {waiting.active_from:%Y-%m-%d %H:%M:%S} UTC. A shorter --after-seconds brings that"
            " forward; nothing was changed"
        )
    sooner = replace(waiting, active_from=begins)
    return [sooner if key is waiting else key for key in ring.all()]


def without(
    ring: Keyring, key_id: bytes, *, now: datetime, tokens_live: timedelta, force: bool
) -> list[Key]:
    """The keys less this one. `tokens_live` is how long a token of any kind is good.

    Raises:
        CannotStart: there is no such key, or something still needs it. By `force` a retired token
            key may go at once: the sessions whose refresh token is under it are over then.
    """
    found = [key for key in ring.all() if key.id == key_id]
    if not found:
        raise CannotStart(f"There is no key {key_id.hex()}; nothing was changed")
    (key,) = found
    reason = _needed_for(key, now=now, tokens_live=tokens_live, force=force)
    if reason is not None:
        raise CannotStart(f"Key {key_id.hex()} stays: {reason}")
    return [other for other in ring.all() if other is not key]


def _needed_for(key: Key, *, now: datetime, tokens_live: timedelta, force: bool) -> str | None:
    if key.state is State.ACTIVE:
        return f"it is the active {key.purpose} key"
    if key.purpose not in {Purpose.TOKEN, Purpose.CURSOR}:
        return f"what was sealed or signed by a {key.purpose} key can't be read without it"
    if key.purpose is Purpose.CURSOR or key.state is State.NEXT or force:
        return None
    if key.retired_at is None:
        return "nobody knows since when it is retired. --force removes it all the same"
    until = key.retired_at + tokens_live
    if until > now:
        return (
            f"tokens that it signed are good until {until:%Y-%m-%d %H:%M:%S} UTC. --force removes"
            " it all the same, and signs out whoever has one"
        )
    return None
