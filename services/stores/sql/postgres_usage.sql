-- add: Writes every record of a JSON array that is not there yet.
INSERT INTO cli2api_records
SELECT * FROM json_populate_recordset(NULL::cli2api_records, :records::json)
ON CONFLICT (id) DO NOTHING;

-- sums: What the records of each bucket come to.
SELECT
    CASE :group::text
        WHEN 'model' THEN model
        WHEN 'endpoint' THEN endpoint
        WHEN 'status' THEN status::text
        WHEN 'day' THEN to_char(date_trunc('day', to_timestamp(floor(began_at)) AT TIME ZONE 'UTC'), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        WHEN 'hour' THEN to_char(date_trunc('hour', to_timestamp(floor(began_at)) AT TIME ZONE 'UTC'), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    END COLLATE "C" AS bucket,
    count(*) AS calls,
    count(*) FILTER (WHERE status >= 400) AS errors,
    coalesce(sum(prompt_tokens), 0)::bigint AS prompt_tokens,
    coalesce(sum(completion_tokens), 0)::bigint AS completion_tokens,
    coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
    coalesce(sum(reasoning_tokens), 0)::bigint AS reasoning_tokens,
    coalesce(sum(bytes_out), 0)::bigint AS bytes_out
FROM cli2api_records
WHERE began_at >= :since::double precision
    AND began_at < :until::double precision
    AND (:model::text = '' OR model = :model)
    AND (:endpoint::text = '' OR endpoint = :endpoint)
GROUP BY bucket
ORDER BY CASE WHEN :by_time::integer = 1 THEN 0 ELSE count(*) END DESC, bucket;

-- expire: Forgets the records of calls that began before that, at most so many.
DELETE FROM cli2api_records
WHERE id IN (SELECT id FROM cli2api_records WHERE began_at < :before LIMIT :limit)
RETURNING 1 AS gone;
