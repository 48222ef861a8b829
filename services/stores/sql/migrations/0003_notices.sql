-- What the outside is to be told of.
ALTER TABLE jobs ADD COLUMN notify_at REAL; -- when it is due; NULL where there is nothing to tell
ALTER TABLE jobs ADD COLUMN notify_tries INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_by_notice ON jobs (notify_at) WHERE notify_at IS NOT NULL;
