"""Puts Chronicle together: the only package that chooses adapters."""

from chronicle.wiring.assembly import open_application, open_blocklist, open_clock_floor, run

__all__ = ["open_application", "open_blocklist", "open_clock_floor", "run"]
