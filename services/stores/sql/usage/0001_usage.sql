-- Records of calls, one row each. Times are unix seconds; NULL is not known.
CREATE TABLE records (
    id TEXT NOT NULL PRIMARY KEY,
    began_at REAL NOT NULL,
    endpoint TEXT NOT NULL,
    model TEXT NOT NULL,
    caller TEXT NOT NULL,
    status INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cached_tokens INTEGER,
    reasoning_tokens INTEGER,
    seconds REAL NOT NULL,
    first_byte_seconds REAL,
    bytes_out INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    job_id TEXT NOT NULL
) STRICT;

-- A span of time, to sum up or to forget.
CREATE INDEX records_by_age ON records (began_at);
