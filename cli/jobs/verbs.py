"""What each verb of `cli2api jobs` does over an open line. Each returns the exit code and raises Refused."""

import argparse
import sys
from contextlib import closing

from cli2api.v1 import job_pb2

from cli.jobs import files, show
from cli.jobs.line import TERMINAL, Line, OutOfTime, Refused, changes

_LONGEST_PAGE = 100


def list_jobs(line: Line, args: argparse.Namespace) -> int:
    """At most `--limit` jobs, read page by page."""
    found: list[job_pb2.Job] = []
    token = ""
    while (missing := args.limit - len(found)) > 0:
        request = job_pb2.ListJobsRequest(
            page_size=min(missing, _LONGEST_PAGE),
            page_token=token,
            kinds=[show.KINDS[kind] for kind in args.kind],
            states=[show.STATES[state] for state in args.state],
            model=args.model,
            order=job_pb2.LIST_ORDER_OLDEST if args.oldest_first else job_pb2.LIST_ORDER_NEWEST,
        )
        page = line.ask(line.jobs.ListJobs, request)
        found += page.jobs
        token = page.next_page_token
        if not token:
            break
    if args.json:
        print(show.as_json([show.document(job) for job in found]))
    else:
        print(show.table(found) if found else "no jobs")
    return 0


def show_job(line: Line, args: argparse.Namespace) -> int:
    """One job as it stands."""
    _print(line.ask(line.jobs.GetJob, job_pb2.GetJobRequest(id=args.id)).job, args)
    return 0


def watch(line: Line, args: argparse.Namespace) -> int:
    """A line for each change, as it comes; 1 where the job failed."""
    code = 0
    with closing(changes(line, args.id, after=args.after)) as heard:
        for job in heard:
            print(show.as_json(show.document(job), lines=True) if args.json else show.change(job), flush=True)
            code = int(job.state == job_pb2.JOB_STATE_FAILED)
    return code


def wait(line: Line, args: argparse.Namespace) -> int:
    """The job at its end; 1 where it failed, or where `--timeout` passed first."""
    job: job_pb2.Job | None = None
    try:
        with closing(changes(line, args.id, within=args.timeout)) as heard:
            for change in heard:
                job = change
    except OutOfTime:
        if job is None:
            raise
    if job is None:
        raise Refused(f"the gateway says nothing of job {args.id}")
    _print(job, args)
    if job.state not in TERMINAL:
        raise Refused(f"job {job.id} is {show.state(job)} after {args.timeout:g} s; it goes on, wait for it again")
    if job.state == job_pb2.JOB_STATE_FAILED:
        print(f"cli2api: job {job.id} failed: {show.plain(job.failure.message)}", file=sys.stderr)
        return 1
    return 0


def download(line: Line, args: argparse.Namespace) -> int:
    """Every asset of the job, or the one of `--index`, as files; tells each when it is whole."""
    job = line.ask(line.jobs.GetJob, job_pb2.GetJobRequest(id=args.id)).job
    # A job without assets is asked for its first one all the same: the gateway says best why there is none.
    wanted = [args.index] if args.index is not None else range(max(1, len(job.assets)))
    saved = [files.save(line, job, index, folder=args.output, force=args.force) for index in wanted]
    if args.json:
        print(show.as_json([{"path": str(each.path), "bytes": each.size, "mime_type": each.mime_type} for each in saved]))
    else:
        for each in saved:
            print(f"{each.path}  {each.size:,} bytes, {each.mime_type}")
    return 0


def delete(line: Line, args: argparse.Namespace) -> int:
    """The job is forgotten; says so where its task goes on."""
    deleted = line.ask(line.jobs.DeleteJob, job_pb2.DeleteJobRequest(id=args.id))
    if args.json:
        print(show.as_json({"id": deleted.id, "deleted": deleted.deleted, "was_in_flight": deleted.was_in_flight}))
    else:
        goes_on = "; its task goes on upstream and is billed" if deleted.was_in_flight else ""
        print(f"{deleted.id} is forgotten{goes_on}")
    return 0


def redeliver(line: Line, args: argparse.Namespace) -> int:
    """The receiver of the gateway's webhooks is told once more that the job has ended."""
    job = line.ask(line.jobs.RedeliverJob, job_pb2.RedeliverJobRequest(id=args.id)).job
    print(show.as_json(show.document(job)) if args.json else f"that {job.id} has {show.state(job)} is told once more")
    return 0


def _print(job: job_pb2.Job, args: argparse.Namespace) -> None:
    print(show.as_json(show.document(job)) if args.json else show.sheet(job))
