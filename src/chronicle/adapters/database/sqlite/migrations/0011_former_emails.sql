-- The addresses that an account had before and can still get back, for a week after each change.
ALTER TABLE accounts ADD COLUMN sealed_former_emails BLOB;
