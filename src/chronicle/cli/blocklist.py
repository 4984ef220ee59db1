"""`chronicle admin blocklist`: which addresses and networks get no answer but no.

Works on the database itself, so also while no server runs; one that runs follows within seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from chronicle import settings
from chronicle.errors import CannotStart, Failure
from chronicle.security.blocklist import Block, Blocklist

T = TypeVar("T")


def add(network: str, *, reason: str, hours: float | None = None) -> None:
    """Block an address or a network; again, to give its block another reason or end.

    Parameters
    ----------
    network:
        As 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.
    reason:
        Why, for whoever reads the list later.
    hours:
        For how long; for good unless given.
    """
    lifetime = None if hours is None else timedelta(hours=hours)
    if lifetime is not None and lifetime <= timedelta(0):
        raise CannotStart("--hours takes a number above 0")
    block = _on_blocklist(lambda blocklist: blocklist.add(network, reason, lifetime))
    print(f"Blocked: {_line(block)}")


def list_blocks() -> None:
    """List what is blocked, why, and until when."""
    for block in _on_blocklist(lambda blocklist: blocklist.listed()):
        print(_line(block))


def remove(network: str) -> None:
    """Let an address or a network in again.

    Parameters
    ----------
    network:
        Just as it was blocked, not a part of it.
    """
    if not _on_blocklist(lambda blocklist: blocklist.remove(network)):
        raise CannotStart(f"{network} is not on the blocklist; nothing was changed")
    print(f"Let in again: {network}")


def _on_blocklist(act: Callable[[Blocklist], Awaitable[T]]) -> T:
    # Only now: wrong settings are reported without loading the server.
    from chronicle import wiring  # noqa: PLC0415

    async def run() -> T:
        async with wiring.open_blocklist(chosen) as blocklist:
            return await act(blocklist)

    chosen = settings.load_here()
    try:
        return asyncio.run(run())
    except Failure as failure:
        raise CannotStart(failure.message) from failure


def _line(block: Block) -> str:
    until = (
        "for good" if block.expires_at is None else f"until {block.expires_at:%Y-%m-%d %H:%M} UTC"
    )
    shown = "".join(c if c.isprintable() else "?" for c in block.reason)
    return f"{block.network}  {until}  {shown}"
