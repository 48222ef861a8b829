-- What the outside is to be told of.
ALTER TABLE cli2api_jobs ADD COLUMN notify_at double precision; -- when it is due; NULL where there is nothing to tell
ALTER TABLE cli2api_jobs ADD COLUMN notify_tries bigint NOT NULL DEFAULT 0;
CREATE INDEX cli2api_jobs_by_notice ON cli2api_jobs (notify_at) WHERE notify_at IS NOT NULL;
