"""The table of known devices."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chronicle.security.ports import KnownDeviceRecord
from tests.fakes.database.rows import MemoryDatabase, refuse_second
from tests.fakes.faults import Faults, step


class InMemoryKnownDevices:
    """`security.ports.KnownDevices`."""

    label = "known_devices"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._rows = database.known_devices

    @step
    def add(self, record: KnownDeviceRecord, *, keep: int) -> None:
        refuse_second(self._rows, record.id)
        self._rows[record.id] = record
        mine = self._of(record.account_id)
        mine.sort(key=lambda one: (one.last_used_at, one.id), reverse=True)
        for least_used in mine[keep:]:
            del self._rows[least_used.id]

    @step
    def find(self, token_hash: bytes, *, now: datetime) -> KnownDeviceRecord | None:
        live = (one for one in self._rows.values() if now < one.expires_at)
        return next((one for one in live if one.token_hash == token_hash), None)

    @step
    def touch(
        self, device_id: bytes, *, visitor: bytes, now: datetime, expires_at: datetime
    ) -> bool:
        device = self._rows.get(device_id)
        if device is None:
            return False
        self._rows[device_id] = replace(
            device, visitor=visitor, last_used_at=now, expires_at=expires_at
        )
        return True

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
        return [one for one in self._rows.values() if one.account_id == account_id]
