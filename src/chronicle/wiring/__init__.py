"""Puts Chronicle together: the only package that chooses adapters."""

from chronicle.wiring.assembly import open_application, open_blocklist, open_clock_floor, run
from chronicle.wiring.databases import migrate_database

__all__ = ["migrate_database", "open_application", "open_blocklist", "open_clock_floor", "run"]
