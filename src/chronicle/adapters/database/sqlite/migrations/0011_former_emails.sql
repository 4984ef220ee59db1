-- The addresses that an account had before and can still get back, until the last of them has run out.
ALTER TABLE accounts ADD COLUMN sealed_former_emails BLOB;
ALTER TABLE accounts ADD COLUMN former_emails_until INTEGER;

CREATE INDEX accounts_with_former_emails ON accounts (former_emails_until)
    WHERE former_emails_until IS NOT NULL;
