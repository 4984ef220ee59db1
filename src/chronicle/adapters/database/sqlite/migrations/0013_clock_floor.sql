-- The highest time that any process has seen here (µs since 1970), so that no start goes back.
CREATE TABLE clock_floor (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    highest INTEGER NOT NULL
) STRICT;
