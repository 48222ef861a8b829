"""Whether a gateway would start on these settings, by the very checks that it makes before it starts anything."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from cli import direct, doors, places
from cli.doctor.finding import problem, warning
from cli.errors import StartFailed
from services.doctor.finding import Finding
from services.settings import BadSetting, Settings

_CHECK: Final = "settings"


def look(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What would be refused, and what is unwise; nothing where all can be used."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: [places.address("CLI2API_CORE_LISTEN", each) for each in places.cores(settings)],
        lambda: [places.address("CLI2API_EDGE_LISTEN", each) for each in places.edges(settings)],
        lambda: direct.check(settings),
        lambda: direct.authorities(settings, environ),
        lambda: doors.collector(environ),
    )
    for check in checks:
        try:
            check()
        except (BadSetting, StartFailed) as refused:
            yield _refused(refused)
    try:
        for unwise in doors.warnings(settings):
            says, _, fix = unwise.rpartition(": ")
            yield warning(_CHECK, says, fix)
    except StartFailed as refused:
        yield _refused(refused)


def _refused(refused: BadSetting | StartFailed) -> Finding:
    return problem(_CHECK, str(refused), "set what is named here as README's table has it")
