"""Which models MuleRun serves in the words of the caller, so that the body of a call needs no change at all. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.catalog import routes
from services.catalog.catalog import Catalog
from services.domain.errors import ModelUnresolved, Unsupported
from services.domain.model import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """One endpoint of ours, and what passes there as it is."""

    endpoint: str
    path: str
    """Where MuleRun serves names without a prefix."""
    names: tuple[str, ...]
    """Models of the catalog that pass."""
    refused: tuple[str, ...]
    """Known names that do not: aliases, models with another name upstream, models that are served elsewhere or are not text."""
    unknown: bool
    """A name that nobody knows passes too. Not where the core would translate after a refusal, which only it can do."""


def natives(catalog: Catalog, aliases: Iterable[str]) -> tuple[Native, ...]:
    """One for each text endpoint; `aliases` are the configured ones."""
    known = {*aliases, *(name for model in catalog.models for name in (model.id, *model.aliases))}
    return tuple(_native(catalog, known, operation) for operation in routes.ENDPOINTS)


def _native(catalog: Catalog, known: Iterable[str], operation: Operation) -> Native:
    path = routes.PLAIN[operation]
    names = {name for name in known if _passes(catalog, name, operation, path)}
    preferred = next(iter(routes.PLAIN))
    return Native(
        endpoint=routes.ENDPOINTS[operation],
        path=path,
        names=tuple(sorted(names)),
        refused=tuple(sorted({*known} - names)),
        unknown=operation in (preferred, Operation.COUNT_TOKENS),
    )


def _passes(catalog: Catalog, name: str, operation: Operation, path: str) -> bool:
    try:
        route = catalog.route(name, operation)
    except (Unsupported, ModelUnresolved):
        return False
    # Where MuleRun refuses what another operation would serve, the core translates: only what is surely served may pass by it.
    # A vendor's own path serves the vendor's models.
    sure = operation is Operation.COUNT_TOKENS or catalog.operations(name)[0] is operation or path.startswith("/vendors/")
    return route.model == name and route.path == path and sure
