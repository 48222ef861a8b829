-- insert: Writes a new job and leases it, or returns the job that holds its request_id already, unchanged.
INSERT INTO cli2api_jobs (
    id, kind, model, path, state, created_at, updated_at, task_id, progress, prompt, size, seconds, description, settings,
    assets, failure, caller, request_id, fingerprint, remix_of_id, completed_at, expires_at, poll_at, polls, poll_errors,
    poll_errors_since, notify_at, notify_tries, revision, lease_owner, lease_until
) VALUES (
    :id, :kind, :model, :path, :state, :created_at, :updated_at, :task_id, :progress, :prompt, :size, :seconds, :description,
    :settings, :assets, :failure, :caller, :request_id, :fingerprint, :remix_of_id, :completed_at, :expires_at, :poll_at,
    :polls, :poll_errors, :poll_errors_since, :notify_at, :notify_tries, :revision, :lease_owner, :lease_until
)
ON CONFLICT (caller, request_id) WHERE request_id <> '' DO UPDATE SET request_id = excluded.request_id
RETURNING *;

-- save: Replaces a job and ends its lease, if the stored revision is the one before; the other cores hear of it.
WITH saved AS (
    UPDATE cli2api_jobs SET
        kind = :kind, model = :model, path = :path, state = :state, created_at = :created_at, updated_at = :updated_at,
        task_id = :task_id, progress = :progress, prompt = :prompt, size = :size, seconds = :seconds,
        description = :description, settings = :settings, assets = :assets, failure = :failure, caller = :caller,
        request_id = :request_id, fingerprint = :fingerprint, remix_of_id = :remix_of_id, completed_at = :completed_at,
        expires_at = :expires_at, poll_at = :poll_at, polls = :polls, poll_errors = :poll_errors,
        poll_errors_since = :poll_errors_since, notify_at = :notify_at,
        notify_tries = :notify_tries, revision = :revision, lease_owner = '', lease_until = NULL
    WHERE id = :id AND revision = :revision - 1
    RETURNING id, revision
)
SELECT pg_notify('cli2api_jobs', id || ' ' || revision) FROM saved;

-- get: One job.
SELECT * FROM cli2api_jobs WHERE id = :id;

-- by_task: The job in flight whose task that is.
SELECT * FROM cli2api_jobs WHERE task_id = :task_id AND poll_at IS NOT NULL LIMIT 1;

-- delete: Forgets one job and returns what it was; the other cores hear of it, as of a revision that nobody has seen.
WITH gone AS (DELETE FROM cli2api_jobs WHERE id = :id RETURNING *)
SELECT gone.*, pg_notify('cli2api_jobs', id || ' ' || revision + 1) FROM gone;

-- newest: A page of jobs, newest first. The lists of kinds and states are JSON; an empty one means all.
SELECT * FROM cli2api_jobs
WHERE (created_at, id) < (:after_created_at::double precision, :after_id::text)
    AND (:kinds::text = '[]' OR kind IN (SELECT json_array_elements_text(:kinds::json)))
    AND (:states::text = '[]' OR state IN (SELECT json_array_elements_text(:states::json)))
    AND (:model::text = '' OR model = :model)
    AND (:caller::text IS NULL OR caller = :caller)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- oldest: The same, oldest first.
SELECT * FROM cli2api_jobs
WHERE (created_at, id) > (:after_created_at::double precision, :after_id::text)
    AND (:kinds::text = '[]' OR kind IN (SELECT json_array_elements_text(:kinds::json)))
    AND (:states::text = '[]' OR state IN (SELECT json_array_elements_text(:states::json)))
    AND (:model::text = '' OR model = :model)
    AND (:caller::text IS NULL OR caller = :caller)
ORDER BY created_at, id
LIMIT :limit;

-- claim: Leases the most overdue jobs that nobody holds. What another core is just claiming is passed over, not waited for.
WITH due AS (
    SELECT id FROM cli2api_jobs WHERE due_at <= :now ORDER BY due_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE cli2api_jobs AS job SET lease_owner = :owner, lease_until = :lease_until FROM due WHERE job.id = due.id
RETURNING job.*;

-- next_due: When a job comes up next; a job that is held, when its lease ends.
SELECT min(due_at) AS due_at FROM cli2api_jobs WHERE due_at IS NOT NULL;

-- census: How many jobs that are not terminal stand where.
SELECT state, count(*) AS jobs FROM cli2api_jobs WHERE due_at IS NOT NULL OR state = 'submitting' GROUP BY state;

-- renew: Prolongs leases on submissions that their owner still holds.
UPDATE cli2api_jobs SET lease_until = :lease_until
WHERE id IN (SELECT json_array_elements_text(:ids::json)) AND state = 'submitting' AND lease_owner = :owner;

-- abandoned: Submissions that nobody works on any more.
SELECT * FROM cli2api_jobs
WHERE state = 'submitting' AND (lease_until IS NULL OR lease_until <= :now)
ORDER BY created_at, id;

-- claim_notices: Puts off the jobs whose end is due to be told, and counts the try that follows.
UPDATE cli2api_jobs SET notify_at = :until, notify_tries = notify_tries + 1
WHERE id IN (SELECT id FROM cli2api_jobs WHERE notify_at <= :now ORDER BY notify_at, id LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING *;

-- put_off: When a job's end is to be told next, and as what try.
UPDATE cli2api_jobs SET notify_at = :notify_at, notify_tries = coalesce(:tries, notify_tries) WHERE id = :id RETURNING id;

-- expire: Forgets terminal jobs at their time, and others a grace later; somebody may be waiting for those.
WITH gone AS (
    DELETE FROM cli2api_jobs
    WHERE expires_at <= :now
        AND (state IN ('succeeded', 'failed') OR expires_at + :in_flight_grace <= :now)
    RETURNING id, state, revision
)
SELECT CASE WHEN state NOT IN ('succeeded', 'failed') THEN pg_notify('cli2api_jobs', id || ' ' || revision + 1) END FROM gone;

-- touch: Writes nothing, and fails where writing would.
UPDATE cli2api_jobs SET revision = revision WHERE id = '';
