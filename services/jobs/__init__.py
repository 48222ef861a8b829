"""The job engine. Law: a job is written down before the upstream is called, and before its id is shown to anyone."""
