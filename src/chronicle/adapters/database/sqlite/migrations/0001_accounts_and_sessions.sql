-- Times are microseconds since 1970, ids the 16 bytes of a UUIDv7. Columns named sealed_* hold
-- what the domain encrypted; the database never sees it in the clear.
CREATE TABLE accounts (
    id                   BLOB PRIMARY KEY,
    sealed_email         BLOB NOT NULL,
    email_index          BLOB NOT NULL,
    email_verified       INTEGER NOT NULL,
    sealed_password_hash BLOB,
    sealed_name          BLOB,
    sealed_locale        BLOB,
    sealed_timezone      BLOB,
    sealed_ledger_key    BLOB NOT NULL,
    epoch                INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

CREATE UNIQUE INDEX accounts_by_email ON accounts (email_index);

CREATE TABLE sessions (
    id               BLOB PRIMARY KEY,
    account_id       BLOB NOT NULL REFERENCES accounts (id),
    epoch            INTEGER NOT NULL,
    amr              TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    last_used_at     INTEGER NOT NULL,
    idle_expires_at  INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    generation       INTEGER NOT NULL,
    refresh_hash     BLOB NOT NULL,
    previous_hash    BLOB,
    sealed_successor BLOB,
    rotated_at       INTEGER,
    ended_at         INTEGER,
    end_reason       TEXT,
    sealed_visitor   BLOB NOT NULL
) WITHOUT ROWID, STRICT;

CREATE INDEX sessions_by_account ON sessions (account_id, id);
CREATE INDEX sessions_with_successor ON sessions (rotated_at) WHERE sealed_successor IS NOT NULL;
