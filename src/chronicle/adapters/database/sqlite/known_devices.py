"""The table of known devices."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from chronicle.adapters.database.sqlite.engine import Engine, from_micros, to_micros
from chronicle.security.ports import DeviceUse, KnownDeviceRecord

_COLUMNS = "id, account_id, epoch, token_hash, sealed_visitor, created_at, last_used_at, expires_at"


class SqliteKnownDevices:
    """`security.ports.KnownDevices` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add(self, record: KnownDeviceRecord, *, keep: int) -> None:
        """Store a device, and drop the account's least used beyond `keep`."""
        await self._engine.write(partial(insert_device, record=record, keep=keep))

    async def find(self, token_hash: bytes, *, now: datetime) -> KnownDeviceRecord | None:
        """The device with this token, or None; None too once it has expired."""
        row = self._engine.one(
            f"SELECT {_COLUMNS} FROM known_devices WHERE token_hash = ? AND expires_at > ?",
            (token_hash, to_micros(now)),
        )
        return None if row is None else _from_row(row)

    async def touch(self, use: DeviceUse) -> bool:
        """Note that it was used. False if it is gone; nothing is stored then."""
        return await self._engine.write(partial(touch_device, use=use))

    async def of_account(self, account_id: bytes, *, now: datetime) -> Sequence[KnownDeviceRecord]:
        """An account's devices that have not expired, newest first."""
        rows = self._engine.all(
            f"SELECT {_COLUMNS} FROM known_devices WHERE account_id = ? AND expires_at > ? "
            "ORDER BY id DESC",
            (account_id, to_micros(now)),
        )
        return [_from_row(row) for row in rows]

    async def carry_over(
        self, account_id: bytes, *, seen_epoch: int, epoch: int, only: bytes | None = None
    ) -> None:
        """Give an account's devices of one epoch another: all, or only the one with this id."""
        await self._engine.write(
            lambda db: db.execute(
                "UPDATE known_devices SET epoch = ?1 WHERE account_id = ?2 AND epoch = ?3 "
                "AND (?4 IS NULL OR id = ?4)",
                (epoch, account_id, seen_epoch, only),
            )
        )

    async def revoke(self, account_id: bytes, device_id: bytes) -> bool:
        """Forget one of an account's devices. True if this call did."""
        changed = await self._engine.write(
            lambda db: (
                db.execute(
                    "DELETE FROM known_devices WHERE account_id = ? AND id = ?",
                    (account_id, device_id),
                ).rowcount
            )
        )
        return changed == 1

    async def forget(self, *, before: datetime) -> int:
        """Drop devices that expired before a moment; how many."""
        micros = to_micros(before)
        return await self._engine.write(
            lambda db: (
                db.execute("DELETE FROM known_devices WHERE expires_at < ?", (micros,)).rowcount
            )
        )


def insert_device(db: sqlite3.Connection, record: KnownDeviceRecord, keep: int) -> None:
    """Store a device, and drop the surplus, in whatever transaction this is."""
    row = (
        record.id,
        record.account_id,
        record.epoch,
        record.token_hash,
        record.visitor,
        to_micros(record.created_at),
        to_micros(record.last_used_at),
        to_micros(record.expires_at),
    )
    db.execute(f"INSERT INTO known_devices ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)", row)
    db.execute(
        "DELETE FROM known_devices WHERE id IN (SELECT id FROM known_devices "
        "WHERE account_id = ? ORDER BY last_used_at DESC, id DESC LIMIT -1 OFFSET ?)",
        (record.account_id, keep),
    )


def touch_device(db: sqlite3.Connection, use: DeviceUse) -> bool:
    """Note that a device was used, in whatever transaction this is; False if it is gone."""
    changed = db.execute(
        "UPDATE known_devices SET sealed_visitor = ?, last_used_at = ?, expires_at = ? "
        "WHERE id = ?",
        (use.visitor, to_micros(use.used_at), to_micros(use.expires_at), use.id),
    ).rowcount
    return changed == 1


def _from_row(row: tuple[Any, ...]) -> KnownDeviceRecord:
    return KnownDeviceRecord(
        id=row[0],
        account_id=row[1],
        epoch=row[2],
        token_hash=row[3],
        visitor=row[4],
        created_at=from_micros(row[5]),
        last_used_at=from_micros(row[6]),
        expires_at=from_micros(row[7]),
    )
