-- Every sign-in, granted or refused. account_id is NULL where no account was meant.
CREATE TABLE events (
    id             BLOB PRIMARY KEY,
    account_id     BLOB,
    subject_index  BLOB,
    kind           TEXT NOT NULL,
    method         TEXT NOT NULL,
    outcome        TEXT NOT NULL,
    reason         TEXT,
    session_id     BLOB,
    sealed_visitor BLOB NOT NULL,
    address_index  BLOB NOT NULL,
    created_at     INTEGER NOT NULL,
    entry          BLOB,
    entry_due_at   INTEGER,
    entry_index    INTEGER
) WITHOUT ROWID, STRICT;

CREATE INDEX events_by_account ON events (account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX events_by_time ON events (created_at);
CREATE INDEX events_to_log ON events (entry_due_at, id)
    WHERE entry_index IS NULL AND entry IS NOT NULL;
