CREATE TABLE uploads (
    id           BLOB PRIMARY KEY,
    account_id   BLOB NOT NULL REFERENCES accounts (id),
    cid          TEXT NOT NULL,
    profile      TEXT NOT NULL,
    size         INTEGER NOT NULL,
    media_type   TEXT NOT NULL,
    sealed_name  BLOB NOT NULL,
    sealed_note  BLOB,
    visibility   TEXT NOT NULL,
    pin_provider TEXT NOT NULL,
    pin_status   TEXT NOT NULL,
    entry        BLOB NOT NULL,
    entry_index  INTEGER,
    created_at   INTEGER NOT NULL,
    key_index    BLOB
) WITHOUT ROWID, STRICT;

CREATE INDEX uploads_by_account ON uploads (account_id, id);
CREATE UNIQUE INDEX uploads_by_key ON uploads (key_index) WHERE key_index IS NOT NULL;
CREATE INDEX uploads_by_cid ON uploads (cid);
CREATE INDEX uploads_to_log ON uploads (created_at, id) WHERE entry_index IS NULL;
