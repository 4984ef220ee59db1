-- Each change of a way to sign in, with its ledger entry.
CREATE TABLE credential_changes (
    id          BLOB PRIMARY KEY,
    account_id  BLOB NOT NULL REFERENCES accounts (id),
    kind        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    entry       BLOB NOT NULL,
    entry_index INTEGER
) WITHOUT ROWID, STRICT;

CREATE INDEX credential_changes_to_log ON credential_changes (created_at, id)
    WHERE entry_index IS NULL;

-- Tokens of mailed links, by their SHA-256; each is good once, for one purpose. One without an
-- account is good for nothing: it is there so that an unknown address costs the same.
CREATE TABLE mailed_tokens (
    hash       BLOB PRIMARY KEY,
    purpose    TEXT NOT NULL,
    account_id BLOB,
    epoch      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_at   INTEGER
) WITHOUT ROWID, STRICT;

CREATE INDEX mailed_tokens_by_expiry ON mailed_tokens (expires_at);
