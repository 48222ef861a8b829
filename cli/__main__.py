"""`cli2api`: one word, one verb. A verb's own module is imported only when it is asked for, so that each starts fast."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

VERBS: Final = {
    "serve": ("cli.serve", "run the whole gateway in the foreground"),
    "reload": ("cli.reload", "have a running gateway take up changed keys, aliases and tokens"),
    "doctor": ("cli.doctor", "look at everything that the gateway needs, and say what to mend"),
    "jobs": ("cli.jobs", "list, show, watch, wait for, download and delete jobs"),
    "usage": ("cli.usage", "sum up what was called and what it cost"),
    "demo": ("cli.demo", "see the main job end to end on this machine, nothing is paid"),
    "simulate": ("cli.simulate", "run a simulated MuleRun, for development without credits"),
    "render-envoy": ("cli.render_envoy", "write Envoy's files for containers"),
}

_INTERRUPTED: Final = 130
"""What shells expect of a program that Ctrl-C has ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 for done, 1 for a failure that was told in one message, 2 for words not understood, 130 for Ctrl-C."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        # A verb that has more to end catches it earlier; here it came while the verb was still being imported.
        return _INTERRUPTED


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="cli2api", description="MuleRun's models behind the SDKs you already use.")
    parser.add_argument("--version", action="version", version=f"cli2api {version('mulerun-cli2api')}")
    verbs = parser.add_subparsers(dest="verb", metavar="verb")
    for verb, (module, summary) in VERBS.items():
        below = verbs.add_parser(verb, help=summary)
        if verb in words:
            importlib.import_module(module).add_arguments(below)
    args = parser.parse_args(words)
    if args.verb is None:
        parser.print_help()
        return 0
    code: int = importlib.import_module(VERBS[args.verb][0]).run(args)
    return code


if __name__ == "__main__":
    sys.exit(main())
