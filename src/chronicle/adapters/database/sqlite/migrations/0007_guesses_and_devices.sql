-- Wrong guesses in a row, also at identifiers without an account. `subject` is a blind index or id.
CREATE TABLE guess_counts (
    purpose      TEXT NOT NULL,
    subject      BLOB NOT NULL,
    failures     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    locked_until INTEGER,
    PRIMARY KEY (purpose, subject)
) WITHOUT ROWID, STRICT;

CREATE INDEX guess_counts_by_time ON guess_counts (last_at);

-- Browsers that signed in to an account, by the SHA-256 of the token in their cookie.
CREATE TABLE known_devices (
    id             BLOB PRIMARY KEY,
    account_id     BLOB NOT NULL REFERENCES accounts (id),
    token_hash     BLOB NOT NULL UNIQUE,
    sealed_visitor BLOB NOT NULL,
    created_at     INTEGER NOT NULL,
    last_used_at   INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

CREATE INDEX known_devices_by_account ON known_devices (account_id, last_used_at);
CREATE INDEX known_devices_by_expiry ON known_devices (expires_at);
