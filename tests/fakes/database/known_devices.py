"""The table of known devices."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chronicle.security.ports import DeviceUse, KnownDeviceRecord
from tests.fakes.database.rows import MemoryDatabase, refuse_second
from tests.fakes.faults import Faults, step

Rows = dict[bytes, KnownDeviceRecord]


class InMemoryKnownDevices:
    """`security.ports.KnownDevices`."""

    label = "known_devices"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._rows = database.known_devices

    @step
    def add(self, record: KnownDeviceRecord, *, keep: int) -> None:
        insert_device(self._rows, record, keep)

    @step
    def find(self, token_hash: bytes, *, now: datetime) -> KnownDeviceRecord | None:
        live = (one for one in self._rows.values() if now < one.expires_at)
        return next((one for one in live if one.token_hash == token_hash), None)

    @step
    def touch(self, use: DeviceUse) -> bool:
        return touch_device(self._rows, use)

    @step
    def of_account(self, account_id: bytes, *, now: datetime) -> Sequence[KnownDeviceRecord]:
        live = [one for one in self._of(account_id) if now < one.expires_at]
        return sorted(live, key=lambda one: one.id, reverse=True)

    @step
    def carry_over(
        self, account_id: bytes, *, seen_epoch: int, epoch: int, only: bytes | None = None
    ) -> None:
        for device in self._of(account_id):
            if device.epoch == seen_epoch and only in (None, device.id):
                self._rows[device.id] = replace(device, epoch=epoch)

    @step
    def revoke(self, account_id: bytes, device_id: bytes) -> bool:
        if device_id not in {one.id for one in self._of(account_id)}:
            return False
        del self._rows[device_id]
        return True

    @step
    def forget(self, *, before: datetime) -> int:
        old = [one.id for one in self._rows.values() if one.expires_at < before]
        for device_id in old:
            del self._rows[device_id]
        return len(old)

    def _of(self, account_id: bytes) -> list[KnownDeviceRecord]:
        return _devices_of(self._rows, account_id)


def insert_device(rows: Rows, record: KnownDeviceRecord, keep: int) -> None:
    """Store a device, and drop the surplus."""
    refuse_second(rows, record.id)
    rows[record.id] = record
    mine = _devices_of(rows, record.account_id)
    mine.sort(key=lambda one: (one.last_used_at, one.id), reverse=True)
    for least_used in mine[keep:]:
        del rows[least_used.id]


def touch_device(rows: Rows, use: DeviceUse) -> bool:
    """Note that a device was used; False if it is gone."""
    if use.id not in rows:
        return False
    rows[use.id] = replace(
        rows[use.id], visitor=use.visitor, last_used_at=use.used_at, expires_at=use.expires_at
    )
    return True


def _devices_of(rows: Rows, account_id: bytes) -> list[KnownDeviceRecord]:
    return [one for one in rows.values() if one.account_id == account_id]
