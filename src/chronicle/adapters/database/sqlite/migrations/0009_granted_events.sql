-- What was granted is looked for at each sign-in, and strangers add any number of refusals.
CREATE INDEX events_granted ON events (account_id, id)
    WHERE account_id IS NOT NULL AND outcome = 'granted';
