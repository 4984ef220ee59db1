"""Devices that an account knows: a browser that signed in keeps a token for a year.

It is no credential and opens nothing. It lets its owner guess on where strangers, who know nothing
but the address, have used up everybody else's guesses.

Like a session it carries the account's security epoch as read before the sign-in was verified, and
is void once that has moved. So a sign-in that races what ends it leaves no device behind. Whoever
moves the epoch says which devices are to outlive that.
"""

import base64
import hashlib
import hmac
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

import msgspec

from chronicle.errors import Unavailable
from chronicle.security.encryption import BlindIndex, FieldCipher, SealBroken
from chronicle.security.ports import DeviceUse, KnownDeviceRecord, KnownDevices
from chronicle.security.visitors import Visitor
from chronicle.world import World

_log = logging.getLogger(__name__)

LIFETIME = timedelta(days=365)
MOST_OF_AN_ACCOUNT = 50

_TABLE = "known_devices"
_SECRET_BYTES = 32
_MAC_BYTES = 16
_TOKEN_CHARACTERS = 64


DeviceToken = NewType("DeviceToken", str)
"""A token that was issued here, for whatever account; see `DeviceBook.genuine`."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a client shows of itself: the token that it `keeps`, or would, if it keeps any."""

    token: DeviceToken | None = None
    keeps: bool = False


NOTHING_PRESENTED = Presented()


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A known device in the clear."""

    id: bytes
    visitor: Visitor
    created_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceBook:
    """Remembers devices and recognises them."""

    devices: KnownDevices
    cipher: FieldCipher
    index: BlindIndex
    world: World

    def genuine(self, token: str) -> DeviceToken | None:
        """The token, if it was issued here, for whatever account; no table is asked.

        So what strangers make up costs nobody a look-up and gets no place meant for known devices.
        """
        if len(token) != _TOKEN_CHARACTERS:
            return None
        try:
            secret = base64.b64decode(token, altchars=b"-_", validate=True)[:_SECRET_BYTES]
        except ValueError:
            return None
        # As text: "+" is read like "-", and only one spelling was ever issued.
        issued = self._token(secret)
        return issued if hmac.compare_digest(issued, token) else None

    async def recognise(
        self, account_id: bytes | None, token: DeviceToken | None, *, epoch: int
    ) -> KnownDeviceRecord | None:
        """The device that presents this token, if this account knows it at this epoch."""
        if token is None:
            return None
        found = await self.devices.find(_hash(token), now=self.world.now())
        if found is None or (found.account_id, found.epoch) != (account_id, epoch):
            return None
        return found

    def last_visitor(self, device: KnownDeviceRecord) -> Visitor | None:
        """Who used a device last; None, and a line in the log, where that can't be read."""
        try:
            return self._in_the_clear(device).visitor
        except (SealBroken, msgspec.DecodeError):
            _log.exception("what is known of a device can't be read")
            return None

    async def is_known(self, token: DeviceToken) -> bool:
        """Whether any account knows, or knew, the device that presents this token."""
        return await self.devices.find(_hash(token), now=self.world.now()) is not None

    def used_again(self, device_id: bytes, visitor: Visitor) -> DeviceUse:
        """That a known device signed in, to be stored; it keeps its token for `LIFETIME` more."""
        now = self.world.now()
        return DeviceUse(device_id, self._seal(device_id, visitor), now, now + LIFETIME)

    def first_use(
        self, account_id: bytes, visitor: Visitor, *, epoch: int
    ) -> tuple[DeviceToken, KnownDeviceRecord]:
        """A device to be stored, and the token of 64 characters that it keeps for `LIFETIME`.

        `epoch` is the session's: if the account's has moved on meanwhile, the device is void like
        it. An account keeps no more than `MOST_OF_AN_ACCOUNT`.
        """
        secret = self.world.random_bytes(_SECRET_BYTES)
        token = self._token(secret)
        device_id, now = self.world.new_id(), self.world.now()
        return token, KnownDeviceRecord(
            id=device_id,
            account_id=account_id,
            epoch=epoch,
            token_hash=_hash(token),
            visitor=self._seal(device_id, visitor),
            created_at=now,
            last_used_at=now,
            expires_at=now + LIFETIME,
        )

    async def listed(self, account_id: bytes, *, epoch: int) -> list[KnownDevice]:
        """The devices that an account knows at this epoch, newest first."""
        records = await self.devices.of_account(account_id, now=self.world.now())
        return [self._in_the_clear(record) for record in records if record.epoch == epoch]

    async def keep(
        self, account_id: bytes, *, seen_epoch: int, epoch: int, only: bytes | None = None
    ) -> None:
        """Let an account's devices, or only one, outlive a change that moved its epoch.

        Where that fails they are forgotten: what moved the epoch is done, and costs them no more
        than a convenience.
        """
        try:
            await self.devices.carry_over(account_id, seen_epoch=seen_epoch, epoch=epoch, only=only)
        except Unavailable:
            _log.exception("known devices were forgotten: they could not be carried over")

    async def revoke(self, account_id: bytes, device_id: bytes) -> bool:
        """Forget a device of an account. False if it has none such."""
        return await self.devices.revoke(account_id, device_id)

    async def revoke_all(self, account_id: bytes, *, but: bytes | None = None) -> None:
        """Forget every device of an account, but perhaps one: some may be a stranger's.

        They are void already, with the epoch. Where this fails their rows wait to expire.
        """
        try:
            for device in await self.devices.of_account(account_id, now=self.world.now()):
                if device.id != but:
                    await self.devices.revoke(account_id, device.id)
        except Unavailable:
            _log.exception("void devices could not be forgotten; they expire by themselves")

    async def forget_old(self) -> int:
        """Drop devices that have expired; how many."""
        return await self.devices.forget(before=self.world.now())

    def _token(self, secret: bytes) -> DeviceToken:
        mac = self.index.of(secret.hex(), column=f"{_TABLE}.token")[:_MAC_BYTES]
        return DeviceToken(base64.urlsafe_b64encode(secret + mac).decode())

    def _seal(self, device_id: bytes, visitor: Visitor) -> bytes:
        plain = msgspec.msgpack.encode(visitor)
        return self.cipher.seal(plain, table=_TABLE, record=device_id, field="visitor")

    def _in_the_clear(self, record: KnownDeviceRecord) -> KnownDevice:
        plain = self.cipher.open(record.visitor, table=_TABLE, record=record.id, field="visitor")
        visitor = msgspec.msgpack.decode(plain, type=Visitor)
        return KnownDevice(record.id, visitor, record.created_at, record.last_used_at)


def _hash(token: DeviceToken) -> bytes:
    return hashlib.sha256(token.encode()).digest()
