"""`python -m tests.soak --minutes 10`: the gateway under mixed traffic, faults and restarts, and whether it stays as it was."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak import page
from tests.soak.plan import Plan, Shape
from tests.soak.run import soak
from tests.soak.verdict import complaints


def main() -> int:
    """Soaks each shape in turn, prints what was seen, and answers 1 where something did not hold."""
    args = _arguments()
    wrong = []
    for shape in args.shapes:
        plan = Plan(shape=shape, seconds=args.minutes * 60, rate=args.rate, seed=args.seed, faults=args.faults)
        print(f"soaking {shape} for {args.minutes:g} minutes, seed {plan.seed} ...", flush=True)
        with tempfile.TemporaryDirectory(prefix="c2soak") as folder:
            found = asyncio.run(soak(plan, Path(folder)))
        text = page.told(found)
        print(text, flush=True)
        if args.report:
            page.rewrite(shape, text)
        wrong += [f"{shape}: {each}" for each in complaints(found)]
    for each in wrong:
        print(f"did not hold: {each}", file=sys.stderr)
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Mixed traffic, faults and restarts for long.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long each shape is called (default: 10)")
    parser.add_argument("--rate", type=float, default=15.0, help="calls begun a second (default: 15)")
    parser.add_argument("--faults", type=float, default=0.01, help="share of calls behind which MuleRun errs (default: 0.01)")
    parser.add_argument("--seed", type=int, default=1, help="of the order in which things happen (default: 1)")
    parser.add_argument(
        "--shapes", type=lambda told: [Shape(each) for each in told.split(",")], default=list(Shape), help="one,several"
    )
    parser.add_argument("--report", action="store_true", help="write what was seen into docs/soak.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
