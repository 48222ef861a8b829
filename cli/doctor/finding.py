"""What was looked at, as lines for people and for programs. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from services.doctor.finding import Finding

_WIDTH: Final = 20


def ok(check: str, says: str) -> Finding:
    """All is well."""
    return Finding(check=check, verdict="ok", says=says)


def warning(check: str, says: str, fix: str) -> Finding:
    """It works, but not as one would want."""
    return Finding(check=check, verdict="warning", says=says, fix=fix)


def problem(check: str, says: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(check=check, verdict="problem", says=says, fix=fix)


def table(findings: Sequence[Finding]) -> str:
    """A line for each, the fix below it, and the sum of it all."""
    lines: list[str] = []
    for each in findings:
        lines.append(f"{each.verdict:9}{each.check:{_WIDTH}}{each.says}")
        if each.fix:
            lines.append(f"{'':9}{'':{_WIDTH}}> {each.fix}")
    counts = {verdict: sum(each.verdict == verdict for each in findings) for verdict in ("problem", "warning")}
    told = ", ".join(f"{count} {verdict}{'s' if count != 1 else ''}" for verdict, count in counts.items() if count)
    return "\n".join([*lines, "", told or "all is well"])


def documents(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """The same for programs."""
    return [asdict(each) for each in findings]
