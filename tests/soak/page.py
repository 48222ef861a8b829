"""Writes what a soak saw into docs/soak.md: each section stands between two marks and is rewritten by its own run only."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.bench.report import machine
from tests.soak.run import Found
from tests.soak.samples import Sample, life, lives
from tests.soak.verdict import Failures, complaints, counted, failures, percentiles

PAGE: Final = Path(__file__).parents[2] / "docs" / "soak.md"
_POINTS: Final = 60
"""Of one line in a chart."""


def rewrite(section: str, text: str) -> None:
    """Puts the text between the section's marks. Raises RuntimeError where the page has lost them."""
    begin, end = f"<!-- {section}: written by its run from here -->", f"<!-- {section}: to here -->"
    page = PAGE.read_text()
    before, first, rest = page.partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last:
        raise RuntimeError(f"{PAGE.name} has no place for {section}: it needs the lines {begin!r} and {end!r}")
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def stamp() -> str:
    """When and on what."""
    return f"Measured on {datetime.now(UTC).date().isoformat()}: {machine()}."


def told(found: Found) -> str:
    """A soak as Markdown."""
    parts = [stamp(), _summary(found), _processes(found), *_charts(found.samples), _calls(found)]
    whose = failures(found.calls, found.felt)
    return "\n\n".join([*parts, _failures(whose), _usage(found)])


def _summary(found: Found) -> str:
    plan, jobs = found.plan, found.ledger.outcomes()
    wrong = complaints(found)
    blows = Counter(felt.blow.value for felt in found.felt)
    most_open = max((each.open_calls for each in found.samples), default=0)
    lines = [
        f"{plan.seconds / 60:g} minutes, {plan.rate:g} calls a second, {plan.faults:.0%} faults, seed {plan.seed}: "
        f"**{'everything held' if not wrong else 'not everything held'}**.",
        "",
        f"- {len(found.calls):,} calls; at most {most_open} were open when the processes were looked at.",
        f"- {', '.join(f'{count} x {blow}' for blow, count in blows.items())}; keys were reloaded between them.",
        f"- {sum(found.paid.values()):,} tasks that MuleRun made, {len(found.ledger.jobs):,} jobs "
        f"({', '.join(f'{count:,} {how}' for how, count in jobs.most_common())}); "
        f"{max(found.paid.values(), default=0)} task at most for one order.",
        f"- {found.forgotten:,} of the jobs were forgotten at their time, {plan.retention} s after they were made.",
        *(f"- **{each}**" for each in wrong),
    ]
    return "\n".join(lines)


def _processes(found: Found) -> str:
    rows = [
        f"| {each.part} | {each.seconds:.0f} | {each.resident[0] / 1e6:.1f} | {each.resident[1] / 1e6:.1f} | "
        f"{each.files[0]} | {each.files[1]} | {'yes' if each.is_mature else 'too young'} |"
        for each in sorted(map(life, lives(found.samples).values()), key=lambda each: (each.part, -each.seconds))
    ]
    head = "| process | lived, s | MB, second third | MB, last third | files, second third | last third | judged |"
    return "\n".join([head, "|---|---:|---:|---:|---:|---:|---|", *rows])


def _charts(samples: Sequence[Sample]) -> list[str]:
    """One chart for each part that has lived through, or been started again: memory over time."""
    found = []
    for part in sorted({each.part for each in samples}):
        of_part = [each for each in samples if each.part == part]
        thinned = of_part[:: max(1, len(of_part) // _POINTS)]
        heights = ", ".join(f"{each.resident / 1e6:.1f}" for each in thinned)
        top = max(each.resident for each in of_part) / 1e6 * 1.2
        found.append(
            f'```mermaid\nxychart-beta\n    title "{part}: memory, MB"\n'
            f'    x-axis "minutes" 0 --> {of_part[-1].at / 60:.1f}\n    y-axis "MB" 0 --> {top:.0f}\n    line [{heights}]\n```'
        )
    return found


def _calls(found: Found) -> str:
    kinds = Counter(call.kind for call in found.calls)
    well = Counter(call.kind for call in found.calls if call.answer.said == "ok")
    rows = []
    for kind, count in kinds.most_common():
        p50, p99 = percentiles(found.calls, kind)
        rows.append(f"| {kind} | {count:,} | {count - well[kind]} | {p50 * 1000:,.0f} | {p99 * 1000:,.0f} |")
    return "\n".join(["| calls | made | failed | p50, ms | p99, ms |", "|---|---:|---:|---:|---:|", *rows])


def _failures(whose: Failures) -> str:
    rows = [
        f"| {said} | {who} | {count} |"
        for who, counter in (
            ("a fault of MuleRun", whose.fault),
            ("a part that was killed or stopped", whose.blow),
            ("nobody knows", whose.unexplained),
        )
        for said, count in counter.most_common()
    ]
    return "\n".join(["| failed calls said | because of | times |", "|---|---|---:|", *rows])


def _usage(found: Found) -> str:
    rows = [
        f"| {endpoint} | {least:,} | {found.recorded[endpoint]:,} | {most:,} |"
        for endpoint, (least, most) in sorted(counted(found.calls, found.felt).items())
    ]
    head = "| endpoint | records at least | found | at most |"
    return "\n".join([head, "|---|---:|---:|---:|", *rows])
