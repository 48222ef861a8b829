-- Which of these steps the database has seen; one row.
CREATE TABLE cli2api_schema (version integer NOT NULL);
INSERT INTO cli2api_schema VALUES (0);

-- Jobs, one row each. Times are unix seconds. The orders' bodies are never stored.
CREATE TABLE cli2api_jobs (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('image', 'image_edit', 'video', 'speech', 'music')),
    model text NOT NULL,
    path text NOT NULL,
    state text NOT NULL CHECK (state IN ('submitting', 'queued', 'running', 'succeeded', 'failed')),
    created_at double precision NOT NULL,
    updated_at double precision NOT NULL,
    task_id text NOT NULL,
    progress bigint NOT NULL,
    prompt text NOT NULL,
    size text NOT NULL,
    seconds text NOT NULL,
    description text NOT NULL,
    settings json NOT NULL, -- an object
    assets json NOT NULL, -- an array of objects
    failure json, -- an object, set exactly when failed
    caller text NOT NULL,
    request_id text NOT NULL,
    fingerprint text NOT NULL,
    remix_of_id text NOT NULL,
    completed_at double precision,
    expires_at double precision,
    poll_at double precision, -- set exactly when in flight
    polls bigint NOT NULL,
    poll_errors bigint NOT NULL,
    poll_errors_since double precision,
    revision bigint NOT NULL,
    lease_owner text NOT NULL, -- who works on it; empty where nobody does
    lease_until double precision, -- when that ends by itself; NULL exactly where nobody does
    due_at double precision GENERATED ALWAYS AS ( -- due and free; NULL when not in flight
        CASE WHEN poll_at IS NOT NULL THEN greatest(poll_at, coalesce(lease_until, 0)) END
    ) STORED
);

-- One request_id of a caller is one job.
CREATE UNIQUE INDEX cli2api_jobs_by_request ON cli2api_jobs (caller, request_id) WHERE request_id <> '';

-- What to poll next.
CREATE INDEX cli2api_jobs_by_due ON cli2api_jobs (due_at, id) WHERE due_at IS NOT NULL;

-- Lists, in either direction.
CREATE INDEX cli2api_jobs_by_age ON cli2api_jobs (created_at, id);

-- What nobody may be working on any more.
CREATE INDEX cli2api_jobs_being_submitted ON cli2api_jobs (lease_until) WHERE state = 'submitting';

-- What to forget next.
CREATE INDEX cli2api_jobs_by_expiry ON cli2api_jobs (expires_at) WHERE expires_at IS NOT NULL;
