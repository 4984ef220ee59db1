-- An account knows at most fifty devices, which are sorted when one is added; so the index need not
-- be written each time that one is used.
DROP INDEX known_devices_by_account;
CREATE INDEX known_devices_by_account ON known_devices (account_id);
