-- Whose task that is, of which a webhook speaks.
CREATE INDEX cli2api_jobs_by_task ON cli2api_jobs (task_id) WHERE poll_at IS NOT NULL;
