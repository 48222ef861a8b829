-- abandoned: Submissions that nobody works on any more. Any number of cores is admitted, so only the end of a lease counts.
SELECT * FROM jobs
WHERE state = 'submitting' AND (lease_until IS NULL OR lease_until <= :now)
ORDER BY created_at, id;

-- changes: What has changed since a change that was seen, which is the first.
SELECT number, id, revision FROM changes WHERE number >= :seen ORDER BY number LIMIT :limit;

-- last_change: The number of the last change.
SELECT coalesce(max(number), 0) AS number FROM changes;
