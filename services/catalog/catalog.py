"""Finds models by id or alias, and says what was probably meant where there is none. No I/O."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from services.catalog import routes
from services.catalog.check import listed
from services.catalog.rows import ROWS
from services.domain.errors import ModelNotFound, ModelUnresolved, Unsupported
from services.domain.model import MEDIA_KINDS, Model, ModelKind, Operation, Route

_NEAREST: Final = 3
_LIKENESS: Final = 0.6
"""Names less alike than this are no help."""
_EDITS: Final = "-edit"
"""Ends the id of the model that edits for the one of the rest of the id."""

_KIND_WORDS: Final[Mapping[ModelKind, str]] = {
    ModelKind.TEXT: "text",
    ModelKind.IMAGE: "image",
    ModelKind.IMAGE_EDIT: "image editing",
    ModelKind.VIDEO: "video",
    ModelKind.SPEECH: "speech",
    ModelKind.MUSIC: "music",
}
_SERVED_BY: Final[Mapping[ModelKind, str]] = {
    ModelKind.TEXT: "POST /v1/chat/completions or TextService.Generate",
    ModelKind.IMAGE: "POST /v1/images/generations or MediaService.GenerateImages",
    ModelKind.IMAGE_EDIT: "POST /v1/images/edits or MediaService.EditImages",
    ModelKind.VIDEO: "POST /v1/videos or MediaService.CreateVideo",
    ModelKind.SPEECH: "POST /v1/audio/speech or MediaService.SynthesizeSpeech",
    ModelKind.MUSIC: "POST /v1/audio/music or MediaService.CreateMusic",
}


class Catalog:
    """The models that there are, under all their names."""

    def __init__(self, aliases: Mapping[str, str] | None = None) -> None:
        """With configured `aliases`, each from a new name to a model's id or to any text model that the upstream knows.

        Raises ValueError where an alias hides a model, leads to another alias, or is empty.
        """
        self._by_name: dict[str, tuple[Model, ...]] = {}
        for model in ROWS:
            for name in (model.id, *model.aliases):
                self._by_name[name] = (*self._by_name.get(name, ()), model)
        self.rename(aliases or {})

    def rename(self, aliases: Mapping[str, str]) -> None:
        """From the next call on with these configured aliases. Raises ValueError, as at the start, and keeps the former then."""
        for alias, target in aliases.items():
            if not alias or not target:
                raise ValueError(f"alias {alias!r} for {target!r}: both names must be there, as in alias=model")
            if alias in self._by_name:
                raise ValueError(f"alias {alias!r} would hide the model {self._by_name[alias][0].id}; choose another name")
            if target in aliases:
                raise ValueError(f"alias {alias!r} leads to the alias {target!r}; let it lead to {aliases[target]!r} itself")
        self._aliases = dict(aliases)
        self._routes: dict[tuple[str, Operation], Route] = {}
        """Those that were asked for, of names that the catalog knows: whatever else callers make up is not kept."""

    @property
    def models(self) -> tuple[Model, ...]:
        """Every model, in the catalog's order."""
        return ROWS

    def find(self, name: str) -> Model | None:
        """The model of that id, catalog alias or configured alias; the first in order where several share an alias."""
        return next(iter(self._named(name)), None)

    def names_of(self, model: Model) -> tuple[str, ...]:
        """Its other names: the catalog's own, then the configured ones."""
        configured = (alias for alias, target in self._aliases.items() if model in self._by_name.get(target, ()))
        return (*model.aliases, *configured)

    def media(self, name: str, *kinds: ModelKind) -> Model:
        """The media model of that name that serves one of `kinds`; of any media kind where none is given.

        An image model that works from pictures serves editing too, and the name of one that has a model beside it for edits, as
        gpt-image-2 has gpt-image-2-edit, means that model there. Raises ModelNotFound; its message says what does serve a model
        of another kind, and names the nearest ids of these kinds.
        """
        wanted = kinds or tuple(kind for kind in ModelKind if kind in MEDIA_KINDS)
        named = self._named(name)
        editions = (edition for model in named for edition in self._by_name.get(f"{model.id}{_EDITS}", ()))
        for model in (*named, *editions):
            if any(_serves(model, kind) for kind in wanted):
                return model
        nearest = _nearest(name, (model for model in ROWS if any(_serves(model, kind) for kind in wanted)))
        what = f"{_KIND_WORDS[kinds[0]]} model" if len(kinds) == 1 else "model"
        if named:
            hint = f"; the nearest {what}s are {listed(nearest)}" if nearest else ""
            raise ModelNotFound(f"{_use(name, named[0])}{hint}")
        hint = f"the nearest are {listed(nearest)}" if nearest else "GET /v1/models lists all"
        target = self._aliases.get(name)
        alias = f" (an alias of {target})" if target else ""
        raise ModelNotFound(f"unknown {what}: {name}{alias}; {hint}")

    def operations(self, name: str) -> tuple[Operation, ...]:
        """The upstream operations that serve a text model, the preferred one first. Raises as `route` does."""
        return tuple(self._paths(name)[1])

    def route(self, name: str, operation: Operation) -> Route:
        """Where a text call goes. A name that the catalog does not know is passed on, and the upstream decides.

        Raises ModelUnresolved where an alias or a vendor prefix leads nowhere, Unsupported where the model is not served by
        `operation`; the message says what does serve it.
        """
        route = self._routes.get((name, operation))
        if route is None:
            upstream_model, paths = self._paths(name)
            route = routes.choose(name, upstream_model, paths, operation)
            if self._named(name):
                self._routes[name, operation] = route
        return route

    def _paths(self, name: str) -> tuple[str, Mapping[Operation, str]]:
        """What the upstream calls the model, and its paths."""
        target = self._aliases.get(name, name)
        row = self.find(target)
        if row is None:
            try:
                return routes.upstream_name(target), routes.paths_of_name(target)
            except ModelUnresolved as failure:
                if target == name:
                    raise
                raise ModelUnresolved(f"alias {name!r}: {failure.message}") from failure
        if row.kind is not ModelKind.TEXT:
            raise Unsupported(_use(name, row))
        return row.upstream_model, routes.paths_of_row(row)

    def _named(self, name: str) -> tuple[Model, ...]:
        return self._by_name.get(self._aliases.get(name, name), ())


def _use(name: str, model: Model) -> str:
    return f"{name} is of kind {_KIND_WORDS[model.kind]}: use {_SERVED_BY[model.kind]}"


def _serves(model: Model, kind: ModelKind) -> bool:
    if model.kind is ModelKind.IMAGE and kind is ModelKind.IMAGE_EDIT:
        return any(param.name == "images" and param.required for param in model.params)
    return model.kind is kind


def _nearest(name: str, models: Iterable[Model]) -> tuple[str, ...]:
    """At most three ids: those that begin with the name, then those that are most like it."""
    ids = [model.id for model in models]
    wanted = name.lower()
    begun = [one for one in ids if wanted and one.startswith(wanted)]
    alike = get_close_matches(wanted, ids, n=_NEAREST, cutoff=_LIKENESS)
    return tuple(dict.fromkeys((*begun, *alike)))[:_NEAREST]
