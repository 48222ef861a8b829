-- insert: Writes a new job and leases it, or returns the job that holds its request_id already, unchanged.
INSERT INTO jobs (
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

-- save: Replaces a job and ends its lease, if the stored revision is the one before.
UPDATE jobs SET
    kind = :kind, model = :model, path = :path, state = :state, created_at = :created_at, updated_at = :updated_at,
    task_id = :task_id, progress = :progress, prompt = :prompt, size = :size, seconds = :seconds,
    description = :description, settings = :settings, assets = :assets, failure = :failure, caller = :caller,
    request_id = :request_id, fingerprint = :fingerprint, remix_of_id = :remix_of_id, completed_at = :completed_at,
    expires_at = :expires_at, poll_at = :poll_at, polls = :polls, poll_errors = :poll_errors,
    poll_errors_since = :poll_errors_since, notify_at = :notify_at,
    notify_tries = :notify_tries, revision = :revision, lease_owner = '', lease_until = NULL
WHERE id = :id AND revision = :revision - 1
RETURNING id;

-- get: One job.
SELECT * FROM jobs WHERE id = :id;

-- by_task: The job in flight whose task that is.
SELECT * FROM jobs WHERE task_id = :task_id AND poll_at IS NOT NULL LIMIT 1;

-- delete: Forgets one job and returns what it was.
DELETE FROM jobs WHERE id = :id RETURNING *;

-- newest: A page of jobs, newest first. The lists of kinds and states are JSON; an empty one means all.
SELECT * FROM jobs
WHERE (created_at, id) < (:after_created_at, :after_id)
    AND (:kinds = '[]' OR kind IN (SELECT value FROM json_each(:kinds)))
    AND (:states = '[]' OR state IN (SELECT value FROM json_each(:states)))
    AND (:model = '' OR model = :model)
    AND (:caller IS NULL OR caller = :caller)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- oldest: The same, oldest first.
SELECT * FROM jobs
WHERE (created_at, id) > (:after_created_at, :after_id)
    AND (:kinds = '[]' OR kind IN (SELECT value FROM json_each(:kinds)))
    AND (:states = '[]' OR state IN (SELECT value FROM json_each(:states)))
    AND (:model = '' OR model = :model)
    AND (:caller IS NULL OR caller = :caller)
ORDER BY created_at, id
LIMIT :limit;

-- claim: Leases the most overdue jobs that nobody holds.
UPDATE jobs SET lease_owner = :owner, lease_until = :lease_until
WHERE id IN (SELECT id FROM jobs WHERE due_at <= :now ORDER BY due_at, id LIMIT :limit)
RETURNING *;

-- next_due: When a job comes up next; a job that is held, when its lease ends.
SELECT min(due_at) AS due_at FROM jobs WHERE due_at IS NOT NULL;

-- census: How many jobs that are not terminal stand where.
SELECT state, count(*) AS jobs FROM jobs WHERE due_at IS NOT NULL OR state = 'submitting' GROUP BY state;

-- renew: Prolongs leases on submissions that their owner still holds.
UPDATE jobs SET lease_until = :lease_until
WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'submitting' AND lease_owner = :owner;

-- abandoned: Submissions that nobody works on any more. One process works on this file, so any other owner is a dead one.
SELECT * FROM jobs
WHERE state = 'submitting' AND (lease_owner <> :owner OR lease_until IS NULL OR lease_until <= :now)
ORDER BY created_at, id;

-- release: Ends the leases of the process that had the file before; it is gone, or its lock would still be held.
UPDATE jobs SET lease_owner = '', lease_until = NULL WHERE lease_until IS NOT NULL;

-- claim_notices: Puts off the jobs whose end is due to be told, and counts the try that follows.
UPDATE jobs SET notify_at = :until, notify_tries = notify_tries + 1
WHERE id IN (SELECT id FROM jobs WHERE notify_at <= :now ORDER BY notify_at, id LIMIT :limit)
RETURNING *;

-- put_off: When a job's end is to be told next, and as what try.
UPDATE jobs SET notify_at = :notify_at, notify_tries = coalesce(:tries, notify_tries) WHERE id = :id RETURNING id;

-- expire: Forgets terminal jobs at their time, and others a grace later.
DELETE FROM jobs
WHERE expires_at <= :now
    AND (state IN ('succeeded', 'failed') OR expires_at + :in_flight_grace <= :now)
RETURNING id;

-- touch: Takes the write lock and writes nothing, which fails where writing would.
UPDATE jobs SET revision = revision WHERE id = '';
