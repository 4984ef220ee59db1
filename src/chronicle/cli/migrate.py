"""`chronicle migrate`: brings the database up to date."""

import asyncio

from chronicle import settings


def migrate() -> None:
    """Bring the database up to date, beside the instances that run on it.

    SQLite is also brought up to date by `chronicle serve`; MongoDB only when it is empty. Running
    it again, or twice at once, does no harm.
    """
    chosen = settings.load_here()
    # Only now: wrong settings are reported without loading the server.
    from chronicle import wiring  # noqa: PLC0415

    asyncio.run(wiring.migrate_database(chosen, lambda line: print(line, flush=True)))
