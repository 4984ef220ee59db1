"""The highest time seen: one row."""

from datetime import datetime

from chronicle.adapters.database.sqlite.engine import Engine, from_micros, to_micros

_PUT = (
    "INSERT INTO clock_floor (only, highest) VALUES (1, ?) "
    "ON CONFLICT (only) DO UPDATE SET highest = excluded.highest"
)


class SqliteClockFloor:
    """`chronicle.clock.ClockFloor` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def read(self) -> datetime | None:
        """The highest time, or None when none was noted yet."""
        row = self._engine.one("SELECT highest FROM clock_floor", ())
        return None if row is None else from_micros(row[0])

    async def raise_to(self, moment: datetime) -> None:
        """Note a time, unless a higher one stands."""
        await self._engine.write(
            lambda db: db.execute(f"{_PUT} WHERE excluded.highest > highest", (to_micros(moment),))
        )

    async def put(self, moment: datetime) -> None:
        """Note a time in place of whatever stands."""
        await self._engine.write(lambda db: db.execute(_PUT, (to_micros(moment),)))
