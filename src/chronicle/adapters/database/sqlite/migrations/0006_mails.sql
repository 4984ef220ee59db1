-- Mails on their way out. A claim moves due_at and counts up attempts; whoever claimed may finish it
-- while attempts is what it was. The content goes when the mail is done, one way or the other.
CREATE TABLE mails (
    id             BLOB PRIMARY KEY,
    state          TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    sealed_content BLOB,
    attempts       INTEGER NOT NULL,
    reason         TEXT,
    created_at     INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    done_at        INTEGER
) WITHOUT ROWID, STRICT;

CREATE INDEX mails_to_send ON mails (due_at, id) WHERE state = 'waiting';
CREATE INDEX mails_done ON mails (done_at) WHERE done_at IS NOT NULL;
