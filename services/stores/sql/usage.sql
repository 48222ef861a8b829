-- add: Writes every record of a JSON array that is not there yet.
INSERT INTO records (
    id, began_at, endpoint, model, caller, status, cancelled,
    prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
    seconds, first_byte_seconds, bytes_out, request_id, job_id
)
SELECT
    json_extract(value, '$.id'),
    json_extract(value, '$.began_at'),
    json_extract(value, '$.endpoint'),
    json_extract(value, '$.model'),
    json_extract(value, '$.caller'),
    json_extract(value, '$.status'),
    json_extract(value, '$.cancelled'),
    json_extract(value, '$.prompt_tokens'),
    json_extract(value, '$.completion_tokens'),
    json_extract(value, '$.cached_tokens'),
    json_extract(value, '$.reasoning_tokens'),
    json_extract(value, '$.seconds'),
    json_extract(value, '$.first_byte_seconds'),
    json_extract(value, '$.bytes_out'),
    json_extract(value, '$.request_id'),
    json_extract(value, '$.job_id')
FROM json_each(:records)
WHERE true -- or ON CONFLICT would be read as a join
ON CONFLICT (id) DO NOTHING;

-- insert: Writes a record that is not there yet, by its columns; an SQLite file is given many at once in place of one.
INSERT INTO records (
    id, began_at, endpoint, model, caller, status, cancelled,
    prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
    seconds, first_byte_seconds, bytes_out, request_id, job_id
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING;

-- sums: What the records of each bucket come to.
SELECT
    CASE :group
        WHEN 'model' THEN model
        WHEN 'endpoint' THEN endpoint
        WHEN 'status' THEN CAST(status AS TEXT)
        WHEN 'day' THEN strftime('%Y-%m-%dT00:00:00Z', CAST(began_at AS INTEGER), 'unixepoch')
        WHEN 'hour' THEN strftime('%Y-%m-%dT%H:00:00Z', CAST(began_at AS INTEGER), 'unixepoch')
    END AS bucket,
    count(*) AS calls,
    sum(status >= 400) AS errors,
    coalesce(sum(prompt_tokens), 0) AS prompt_tokens,
    coalesce(sum(completion_tokens), 0) AS completion_tokens,
    coalesce(sum(cached_tokens), 0) AS cached_tokens,
    coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens,
    sum(bytes_out) AS bytes_out
FROM records
WHERE began_at >= :since
    AND began_at < :until
    AND (:model = '' OR model = :model)
    AND (:endpoint = '' OR endpoint = :endpoint)
GROUP BY bucket
ORDER BY CASE WHEN :by_time THEN 0 ELSE count(*) END DESC, bucket;

-- expire: Forgets the records of calls that began before that, at most so many.
DELETE FROM records
WHERE id IN (SELECT id FROM records WHERE began_at < :before LIMIT :limit)
RETURNING 1 AS gone;
