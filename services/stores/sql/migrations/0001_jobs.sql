-- Jobs, one row each. Times are unix seconds. The orders' bodies are never stored.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('image', 'image_edit', 'video', 'speech', 'music')),
    model TEXT NOT NULL,
    path TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('submitting', 'queued', 'running', 'succeeded', 'failed')),
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    task_id TEXT NOT NULL,
    progress INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    size TEXT NOT NULL,
    seconds TEXT NOT NULL,
    description TEXT NOT NULL,
    settings TEXT NOT NULL, -- JSON object
    assets TEXT NOT NULL, -- JSON array of objects
    failure TEXT, -- JSON object, set exactly when failed
    caller TEXT NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    remix_of_id TEXT NOT NULL,
    completed_at REAL,
    expires_at REAL,
    poll_at REAL, -- set exactly when in flight
    polls INTEGER NOT NULL,
    poll_errors INTEGER NOT NULL,
    poll_errors_since REAL,
    revision INTEGER NOT NULL,
    lease_owner TEXT NOT NULL, -- who works on it; empty where nobody does
    lease_until REAL, -- when that ends by itself; NULL exactly where nobody does
    due_at REAL GENERATED ALWAYS AS (max(poll_at, coalesce(lease_until, 0))) VIRTUAL -- due and free; NULL when not in flight
) STRICT;

-- One request_id of a caller is one job.
CREATE UNIQUE INDEX jobs_by_request ON jobs (caller, request_id) WHERE request_id <> '';

-- What to poll next.
CREATE INDEX jobs_by_due ON jobs (due_at) WHERE due_at IS NOT NULL;

-- Lists, in either direction.
CREATE INDEX jobs_by_age ON jobs (created_at, id);

-- What nobody may be working on any more.
CREATE INDEX jobs_being_submitted ON jobs (lease_until) WHERE state = 'submitting';

-- What to forget next.
CREATE INDEX jobs_by_expiry ON jobs (expires_at) WHERE expires_at IS NOT NULL;
