"""Servers that stop while their database is gone, as when a whole machine goes down."""

import asyncio

import pytest

from chronicle.adapters.database.mongo.clock_floor import MongoClockFloor
from chronicle.adapters.database.mongo.engine import open_engine
from chronicle.errors import Unavailable
from chronicle.world import World
from tests.services.choice import with_database
from tests.services.mongo import running_mongo
from tests.services.mongo_install import Missing, installed


@pytest.mark.wider
@pytest.mark.usefixtures("driver_leftovers")
async def test_connections_are_closed_soon_although_nobody_is_at_their_other_end() -> None:
    try:
        installed()
    except Missing as missing:
        pytest.skip(f"MongoDB for the tests: {missing}")
    with running_mongo() as mongo:
        engine = await open_engine(with_database(mongo.url, "gone"))
        floor = MongoClockFloor(engine)
        # Each leaves something with the server that the driver would like to end properly.
        await asyncio.gather(*(floor.raise_to(World().now()) for _ in range(8)))
        mongo.kill()
        with pytest.raises(Unavailable):
            await floor.raise_to(World().now())
        # The driver on its own looks for the server for thirty seconds.
        closing = asyncio.create_task(engine.close())
        closed, _ = await asyncio.wait({closing}, timeout=15)
        assert closed
