-- Blocked networks. The revision moves with every change, so that others see that there was one.
CREATE TABLE blocks (
    id             BLOB PRIMARY KEY,
    sealed_content BLOB NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER
) WITHOUT ROWID, STRICT;

CREATE TABLE blocks_revision (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    revision INTEGER NOT NULL
) STRICT;

INSERT INTO blocks_revision (only, revision) VALUES (1, 0);
