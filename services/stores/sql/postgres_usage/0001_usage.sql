-- Which of these steps the database has seen; one row.
CREATE TABLE cli2api_usage_schema (version integer NOT NULL);
INSERT INTO cli2api_usage_schema VALUES (0);

-- Records of calls, one row each. Times are unix seconds; NULL is not known.
CREATE TABLE cli2api_records (
    id text NOT NULL PRIMARY KEY,
    began_at double precision NOT NULL,
    endpoint text NOT NULL,
    model text NOT NULL,
    caller text NOT NULL,
    status integer NOT NULL,
    cancelled boolean NOT NULL,
    prompt_tokens bigint,
    completion_tokens bigint,
    cached_tokens bigint,
    reasoning_tokens bigint,
    seconds double precision NOT NULL,
    first_byte_seconds double precision,
    bytes_out bigint NOT NULL,
    request_id text NOT NULL,
    job_id text NOT NULL
);

-- A span of time, to sum up or to forget.
CREATE INDEX cli2api_records_by_age ON cli2api_records (began_at);
