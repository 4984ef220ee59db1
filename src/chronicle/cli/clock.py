"""`chronicle admin clock`: what to do when the machine's clock was wrong, and is right again."""

import asyncio

from chronicle import settings
from chronicle.errors import CannotStart, Failure
from chronicle.world import World


def accept() -> None:
    """Take the machine's clock as it is now, also when it has been later here before.

    Stop every server first: one that runs goes on with its time and notes it again. What expired
    while the clock was wrong, and would not have by now, is good again afterwards.
    """
    # Only now: wrong settings are reported without loading the server.
    from chronicle import wiring  # noqa: PLC0415

    async def run() -> None:
        async with wiring.open_clock_floor(chosen) as floor:
            was, now = await floor.read(), World().now()
            await floor.put(now)
            before = f"{was:%Y-%m-%d %H:%M:%S} UTC" if was else "nothing"
            print(f"The time here is {now:%Y-%m-%d %H:%M:%S} UTC; noted before was {before}.")

    chosen = settings.load_here()
    try:
        asyncio.run(run())
    except Failure as failure:
        raise CannotStart(failure.message) from failure
