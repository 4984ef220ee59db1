"""SQLite in WAL mode: keyed reads inline, one writer thread that groups commits."""
