"""What both clients decide alike about waiting for a job and downloading its files. Pure."""

from typing import Final

from cli2api.v1 import job_pb2

from cli2api_client.errors import OutOfTime, of_job
from cli2api_client.status import Told

LONGEST_WAIT: Final = 60.0
"""Seconds of one WaitJob: short of what load balancers take for a dead line."""
SLACK: Final = 15.0
"""Seconds that a WaitJob's deadline lies behind its own timeout."""
PATIENCE: Final = 60.0
"""Seconds that a gateway which had answered may be away before the client gives up."""
REST: Final = 0.5
"""Seconds between two tries to reach it."""

_TERMINAL: Final = frozenset({job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED})


def id_of(job: job_pb2.Job | str) -> str:
    """The id, of a job or of itself."""
    return job if isinstance(job, str) else job.id


def is_terminal(job: job_pb2.Job) -> bool:
    """It has succeeded or failed."""
    return job.state in _TERMINAL


def succeeded(job: job_pb2.Job) -> job_pb2.Job:
    """The terminal job. Raises the CallFailed of its failure, which has it as `job`."""
    if job.state == job_pb2.JOB_STATE_FAILED:
        raise of_job(job)
    return job


def wait_request(job_id: str, left: float | None) -> job_pb2.WaitJobRequest:
    """One WaitJob, for at most `left` seconds. Raises OutOfTime where none are left."""
    if left is not None and left <= 0:
        message = f"the job {job_id} was not done in time; it goes on, and can be waited for again"
        raise OutOfTime(Told(code=OutOfTime.usual, message=message, reason="DEADLINE_EXCEEDED", metadata={"job_id": job_id}))
    request = job_pb2.WaitJobRequest(id=job_id)
    request.timeout.FromMilliseconds(round(1000 * min(LONGEST_WAIT, LONGEST_WAIT if left is None else left)))
    return request
