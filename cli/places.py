"""How many cores and edges there are, what each is called and where it listens. Pure."""

from dataclasses import dataclass
from pathlib import Path

from cli.errors import StartFailed
from edge.envoy.address import Address
from edge.envoy.address import parse as parse_address
from services.settings import BadSetting, Settings
from services.settings.grammar import listen, reachable
from services.stores.dsn import BadDsn, Kind, parse
from services.stores.purpose import JOBS, USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One of our own parts, and where it listens: "unix:/abs/path" or "host:port"."""

    name: str
    listen: str


def cores(settings: Settings) -> tuple[Place, ...]:
    """Where the cores listen. Raises BadSetting where several cannot work together."""
    if settings.cores > 1:
        _check_that_stores_are_shared(settings)
    return _several("core", settings.cores, settings.core_listen, "CLI2API_CORE_LISTEN")


def edges(settings: Settings) -> tuple[Place, ...]:
    """Where the edges listen. Raises BadSetting where there is no room for so many."""
    return _several("edge", settings.edges, settings.edge_listen, "CLI2API_EDGE_LISTEN")


def address(setting: str, place: Place) -> Address:
    """Where Envoy reaches what listens there. Raises StartFailed, naming `setting`, where nobody can know."""
    try:
        return parse_address(reachable(place.listen))
    except ValueError as error:
        raise StartFailed(f"{setting} is {place.listen}: {error}") from error


def _several(name: str, count: int, listening: str, setting: str) -> tuple[Place, ...]:
    """A single one is called and placed as ever; of several each gets its number, or the next port."""
    if count == 1:
        return (Place(name=name, listen=listening),)
    try:
        return tuple(Place(name=f"{name}-{number}", listen=listen(_numbered(listening, number))) for number in range(count))
    except ValueError as error:
        raise BadSetting(f'{setting} is "{listening}", too near the limit for {count} of them: {error}') from error


def _numbered(listening: str, number: int) -> str:
    if listening.startswith("unix:"):
        path = Path(listening.removeprefix("unix:"))
        return f"unix:{path.with_name(f'{path.stem}-{number}{path.suffix}')}"
    host, _, port = listening.rpartition(":")
    return f"{host}:{int(port) + number if int(port) else 0}"


def _check_that_stores_are_shared(settings: Settings) -> None:
    """An SQLite file of jobs is one core's alone: who waits for a job is woken inside of the process that changes it."""
    stores = (
        ("CLI2API_JOBSTORE_DSN", settings.jobstore_dsn, JOBS),
        ("CLI2API_USAGE_DSN", settings.usage_dsn, USAGE),
    )
    for setting, dsn, purpose in stores:
        try:
            kind = parse(dsn.get_secret_value(), settings.state_dir, purpose).kind
        except BadDsn as error:
            raise BadSetting(f"{setting}: {error}") from error
        if kind is Kind.MEMORY or (kind is Kind.SQLITE and not purpose.shared):
            raise BadSetting(
                f"CLI2API_CORES is {settings.cores}, and several cores need a {purpose.store} that they can share:"
                f" set {setting}=postgresql://user:password@host/database or libsql://host?authToken=..., or CLI2API_CORES=1"
            )
