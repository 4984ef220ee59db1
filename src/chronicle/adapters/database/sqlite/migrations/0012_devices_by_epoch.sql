-- A known device is void once its account's security epoch has moved, unless it was carried over.
ALTER TABLE known_devices ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

UPDATE known_devices
SET epoch = (SELECT a.epoch FROM accounts a WHERE a.id = known_devices.account_id);
