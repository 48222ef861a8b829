"""`python -m tests.bench`: the gateway beside the bare upstream, a bare Envoy and others, in one run, as ratios."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.bench import figures, others, report
from tests.bench.contenders import Contender, contenders, wrk
from tests.bench.conversion import conversion
from tests.bench.tables import Table, printed


def main() -> int:
    """Measures everything once and prints it; answers 1 where an answer was wrong or a process would not start."""
    args = _arguments()
    print(report.machine())
    generators = (
        f"{'wrk' if wrk() else 'the own generator'} (JSON), {'h2load' if shutil.which('h2load') else 'the own generator'}"
    )
    generators += " (gRPC), the own generator (streams, latency)"
    print(f"Load by {generators}; {args.rounds} rounds, medians")
    for complaint in others.install() if args.contenders else ():
        print(complaint, file=sys.stderr)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cli2api-bench-")))
        found = []
        try:
            for table in _measured(stack, folder, args):
                print(printed(table), flush=True)
                found.append(table)
            if args.report:
                report.rewrite(found, generators)
        except (RuntimeError, subprocess.SubprocessError) as failed:
            print(f"\nbench failed: {failed}", file=sys.stderr)
            return 1
    return 0


def _measured(stack: ExitStack, folder: Path, args: argparse.Namespace) -> Iterator[Table]:
    ours = stack.enter_context(contenders(folder))
    upstream_port = ours[0].http_port
    theirs: list[Contender] = []
    for start in (others.portkey, others.litellm):
        try:
            other = stack.enter_context(start(folder, upstream_port))
        except RuntimeError as failed:
            print(f"left out: {failed}", file=sys.stderr)
            continue
        if other is not None:
            theirs.append(other)
    idle = [contender.resident() for contender in ours]
    yield from figures.throughput([*ours, *theirs], figures.lines(folder, args.seconds), args.rounds)
    yield conversion()
    yield figures.latency(ours, args.rounds, args.seconds)
    if args.open_streams:
        yield figures.open_streams(ours, args.open_streams)
    yield figures.memory(ours, idle)
    yield figures.start_up(folder, upstream_port, args.rounds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure the gateway beside its limits, in one run."
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median is shown (default: 3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement (default: 2)")
    parser.add_argument("--contenders", action="store_true", help="install Portkey and LiteLLM under build/bench first")
    parser.add_argument("--open-streams", type=int, default=0, metavar="N", help="hold N streams open for a minute too")
    parser.add_argument("--report", action="store_true", help="write the figures into docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
