"""`cli2api doctor`: looks at everything that the gateway needs, says what is wrong, and how to mend it.

Law: it pays for nothing, shows no secret, and changes nothing but a login that has ended, which it renews as the gateway would.
"""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncGenerator, Mapping

from cli.doctor import core, gateway, programs, starting, state, upstream
from cli.doctor.finding import documents, ok, problem, table, warning
from services.doctor.finding import Finding
from services.settings import BadSetting, Settings, strays

_CHECK = "settings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How it tells."""
    parser.description = "Looks at everything that the gateway needs; exits with 1 where something does not work."
    parser.add_argument("--json", action="store_true", help="for programs: a list of check, verdict, says and fix")


def run(args: argparse.Namespace) -> int:
    """0 where nothing is a problem, else 1."""
    findings = asyncio.run(_all(os.environ))
    print(json.dumps(documents(findings), ensure_ascii=False, indent=2) if args.json else table(findings))
    return 1 if any(each.verdict == "problem" for each in findings) else 0


async def _all(environ: Mapping[str, str]) -> list[Finding]:
    return [each async for each in look(environ)]


async def look(environ: Mapping[str, str]) -> AsyncGenerator[Finding]:
    """Every finding, the ground first: what stands on something that is broken is not looked at."""
    async for each in programs.look():
        yield each
    try:
        settings = Settings.read(environ)
    except BadSetting as error:
        yield problem(_CHECK, str(error), "set what is named here as README's table has it")
        return
    for stray in strays(environ):
        yield warning(_CHECK, stray, "correct its name, or remove it")
    found = list(starting.look(settings, environ))
    for each in found:
        yield each
    if any(each.verdict == "problem" for each in found):
        return
    yield ok(_CHECK, "can be used")
    for each in state.look(settings):
        yield each
    async for each in gateway.look(settings):
        yield each
    async for each in upstream.look(settings):
        yield each
    async for each in core.look(environ):
        yield each
