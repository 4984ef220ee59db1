"""What code may not take from thin air: the time, new ids, randomness. Tests bring their own."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import uuid_utils


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> bytes:
    return uuid_utils.uuid7().bytes


@dataclass(frozen=True, slots=True)
class World:
    """The real ones by default. `now` is aware and in UTC; `new_id` gives UUIDv7 as 16 bytes."""

    now: Callable[[], datetime] = _now
    new_id: Callable[[], bytes] = _new_id
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
