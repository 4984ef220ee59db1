"""`/api/auth/devices`: the browsers that the caller's account knows."""

from datetime import datetime

import msgspec

from chronicle.api.endpoint import Routes, SignedInCall
from chronicle.api.known_devices import device_token, forget_device_cookie
from chronicle.errors import NotFound
from chronicle.security.known_devices import KnownDevice
from chronicle.world import id_text

endpoint = Routes("Sign-in")


class DeviceInfo(msgspec.Struct):
    """A browser that signed in before. `last_used_at` is when it last signed in.

    `current` says that this request comes from it. `place` is roughly where its address is, as
    "Lyon, France"; null where that is not known.
    """

    id: str
    device: str
    ip: str
    place: str | None
    created_at: datetime
    last_used_at: datetime
    current: bool


class DeviceList(msgspec.Struct):
    """Known devices, newest first."""

    items: list[DeviceInfo]


@endpoint.get("/api/auth/devices", answers=DeviceList)
async def list_devices(call: SignedInCall[None, None]) -> DeviceList:
    """The browsers that the caller's account knows, newest first; at most 50.

    A known device is one that signed in within a year and keeps a cookie. That signs nobody in;
    wrong passwords from elsewhere don't hold it up, and its sign-ins are not reported as new.
    """
    owner = call.identity.account_id
    own = await _calling_device(call)
    devices = await call.app.devices.listed(owner, epoch=call.account.epoch)
    return DeviceList([_render(device, own) for device in devices])


@endpoint.delete("/api/auth/devices/{id}", problems=("not_found", "unavailable"))
async def forget_device(call: SignedInCall[None, None]) -> None:
    """Forget one of them: it is a stranger's from now on. It stays signed in where it is."""
    device_id = call.path_id("id")
    own = await _calling_device(call)
    if not await call.app.devices.revoke(call.identity.account_id, device_id):
        raise NotFound(message="Your account knows no such device.")
    if device_id == own:
        forget_device_cookie(call)


async def _calling_device(call: SignedInCall[None, None]) -> bytes | None:
    known = await call.app.devices.recognise(
        call.identity.account_id, device_token(call), epoch=call.account.epoch
    )
    return known.id if known else None


def _render(device: KnownDevice, own: bytes | None) -> DeviceInfo:
    return DeviceInfo(
        id=id_text(device.id),
        device=device.visitor.device,
        ip=device.visitor.address,
        place=device.visitor.place,
        created_at=device.created_at,
        last_used_at=device.last_used_at,
        current=device.id == own,
    )
