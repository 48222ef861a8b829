-- Whose task that is, of which a webhook speaks.
CREATE INDEX jobs_by_task ON jobs (task_id) WHERE poll_at IS NOT NULL;
