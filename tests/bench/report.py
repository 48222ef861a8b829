"""Writes what one run has found out into the documentation, between two marks, so that no figure there is older than its run."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from tests.bench.tables import Table, markdown

PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN: Final = "<!-- figures: `make bench REPORT=1` writes what stands from here -->"
END: Final = "<!-- to here -->"


def machine() -> str:
    """What the figures were measured on, in one sentence."""
    memory = round(psutil.virtual_memory().total / 2**30)
    return (
        f"{_processor()}, {os.cpu_count()} cores shared by callers, contenders and upstream, {memory} GB, "
        f"{platform.system()}, Python {platform.python_version()}"
    )


def rewrite(tables: Sequence[Table], generators: str) -> None:
    """Puts the tables into the page. Raises RuntimeError where it has lost its marks."""
    page = PAGE.read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise RuntimeError(f"{PAGE} has no place for figures: it needs the lines {BEGIN!r} and {END!r}")
    day = datetime.now(UTC).date().isoformat()
    said = f"Measured on {day}: {machine()}. Load by {generators}."
    PAGE.write_text(f"{before}{BEGIN}\n\n{said}\n\n{markdown(tables)}\n\n{END}{after}")


def _processor() -> str:
    """The processor's own name, or its kind where it does not tell."""
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
