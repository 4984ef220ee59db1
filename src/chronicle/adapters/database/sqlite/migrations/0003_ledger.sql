-- The one row that commits the log: whoever replaces it by compare-and-swap has appended.
CREATE TABLE checkpoint (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    origin  TEXT NOT NULL,
    size    INTEGER NOT NULL,
    root    BLOB NOT NULL,
    note    BLOB NOT NULL,
    staging TEXT
) STRICT;
