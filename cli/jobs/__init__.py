"""`cli2api jobs`: reads, waits for, downloads and forgets the jobs of a gateway that runs."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli.jobs import show, verbs
from cli.jobs.line import Refused, opened
from services.settings import BadSetting
from services.settings.grammar import positive_duration

_VERBS: Final = {
    "list": (verbs.list_jobs, "the jobs, newest first"),
    "show": (verbs.show_job, "all that is known of one job"),
    "watch": (verbs.watch, "every change of a job, to its end"),
    "wait": (verbs.wait, "wait for a job's end"),
    "download": (verbs.download, "save what a job made"),
    "delete": (verbs.delete, "forget a job"),
    "redeliver": (verbs.redeliver, "tell the gateway's receiver once more that a job has ended"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One verb for each thing that can be done with a job."""
    parser.description = (
        "Asks the gateway that runs with the settings of this environment, or the one at --target."
        " Exits with 0, or with 1 where that failed or the job did, and says why on stderr."
    )
    below = parser.add_subparsers(dest="jobs_verb", metavar="verb", required=True)
    of = {verb: below.add_parser(verb, help=summary, description=summary) for verb, (_, summary) in _VERBS.items()}
    for each in of.values():
        each.add_argument("--target", metavar="HOST:PORT", help="the gateway's gRPC port (default: as CLI2API_GRPC_PORT says)")
        each.add_argument("--key", help="API key (default: the first one of CLI2API_API_KEYS)")
        each.add_argument("--json", action="store_true", help="JSON for programs; watch prints a line for each change")
    for verb in ("show", "watch", "wait", "download", "delete", "redeliver"):
        of[verb].add_argument("id", help="the job's id")
    add = of["list"].add_argument
    add("--limit", type=_some, default=20, help="how many at most (default: 20)")
    add("--kind", action="append", default=[], choices=sorted(show.KINDS), help="only these; may be given again")
    add("--state", action="append", default=[], choices=sorted(show.STATES), help="only these; may be given again")
    add("--model", default="", help="only jobs of this model")
    add("--oldest-first", action="store_true", help="the other way round")
    of["watch"].add_argument("--after", type=_whole, default=0, metavar="REVISION", help="only changes after this revision")
    of["wait"].add_argument("--timeout", type=_seconds, metavar="DURATION", help="as in 90s or 5m; the job goes on after it")
    add = of["download"].add_argument
    add("--output", type=Path, default=Path(), metavar="DIR", help="folder to save to (default: this one)")
    add("--index", type=_whole, metavar="N", help="only this asset, counted from 0")
    add("--force", action="store_true", help="write over files that are there")


def run(args: argparse.Namespace) -> int:
    """0 where it was done; 1, with one message on stderr, where it was not or the job failed; 130 after Ctrl-C."""
    verb: Callable[..., int] = _VERBS[args.jobs_verb][0]
    try:
        with opened(args.target, args.key, os.environ) as line:
            return verb(line, args)
    except (BadSetting, Refused) as failed:
        print(f"cli2api: {failed}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # who read has enough; the interpreter must not try to write the rest at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f'"{text}" is no whole number')
    return int(text)


def _some(text: str) -> int:
    if not (number := _whole(text)):
        raise argparse.ArgumentTypeError("it has to be at least 1; got 0")
    return number


def _seconds(text: str) -> float:
    try:
        return positive_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'it {error}; "{text}" does not fit') from error
