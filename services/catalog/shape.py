"""Shapes the upstream body of a media call from a model's row and a caller's wish. Pure.

Law: everything that the catalog knows to fail is refused here, before it is paid for, and every violation is named at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from services.catalog.asked import Asked
from services.catalog.check import is_blank, is_json, listed, wrong
from services.catalog.conditions import broken
from services.catalog.equivalents import key_of, meaning, picture_before_words
from services.catalog.fields import fields, name_for_callers
from services.catalog.misspelt import misspelt
from services.catalog.transform import plain, transformed
from services.domain.errors import InvalidRequest, Violation
from services.domain.model import Json, Model, Param


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """One value for one parameter."""

    field: str
    """What the caller called it."""
    value: Json
    said: Json
    """The value before it was put into the upstream's form."""
    follows: bool = False
    """It follows from another field, as a frame shape follows from a size."""


def shape(model: Model, wish: Mapping[str, Json], extra: Mapping[str, Json]) -> dict[str, Json]:
    """The upstream body for the caller's typed fields (`wish`, named as in `fields.TYPED`) and untyped ones (`extra`).

    A field that is None counts as absent. Keys of `extra` that the row does not know pass on as they are, unless it is strict or
    they look misspelt.
    Raises InvalidRequest with one violation for each field that is missing, wrong or not taken, under the name the caller used.
    """
    violations: list[Violation] = []
    settings: dict[str, list[_Setting]] = {param.name: [] for param in model.params}

    wish, misfits = picture_before_words(model, wish)
    violations += misfits
    for name, value in wish.items():
        if value is None:
            continue
        meant = meaning(model, name, value)
        if meant is None:
            violations.append(Violation(name, f"{model.id} takes no {name}; it takes {listed(fields(model))}"))
        elif meant.wrong:
            violations.append(Violation(name, meant.wrong))
        else:
            for key, part in meant.sets.items():
                settings[key].append(_Setting(field=name, value=part, said=value, follows=meant.follows))

    unknown: dict[str, Json] = {}
    for name, value in _flat(model, extra):
        given = key_of(model, name) or (name if name in settings else None)
        if given is None:
            unknown[name] = value
        elif value is not None:
            settings[given].append(_Setting(field=f"extra.{name}", value=value, said=value))
    violations += _unwelcome(model, unknown)
    if not model.strict:
        said = (name for name, value in wish.items() if value is not None)
        violations += misspelt(model, unknown, {*said, *(name for name, offers in settings.items() if offers)})

    asked = _asked(model, settings, violations)
    violations += broken(asked)
    if violations:
        raise InvalidRequest.of(*_first_of_each_field(violations))
    return _nested(model, {**asked.values, **unknown})


def _asked(model: Model, settings: Mapping[str, list[_Setting]], violations: list[Violation]) -> Asked:
    """The values that passed their checks, in the row's order; adds a violation for each that did not."""
    values: dict[str, Json] = {}
    names: dict[str, str] = {}
    given: set[str] = set()
    for param in model.params:
        names[param.name] = name_for_callers(model, param)
        offers = [replace(setting, value=transformed(param, setting.value)) for setting in settings[param.name]]
        offers = [offer for offer in offers if not is_blank(param, offer.value)]
        if not offers:
            unasked = _sent_unasked(param)
            if unasked is not None:
                values[param.name] = unasked
            elif param.required:
                violations.append(Violation(names[param.name], f"is required by {model.id}"))
            continue
        given.add(param.name)
        first = offers[0]
        names[param.name] = first.field
        problem = _against_const(param, first.value) if param.const is not None else wrong(param, first.value, first.said)
        twice = list(_contradictions(offers))
        violations += twice
        if problem:
            violations.append(Violation(first.field, problem))
        elif not twice:
            values[param.name] = first.value
    return Asked(model=model, values=values, given=frozenset(given), names=names)


def _sent_unasked(param: Param) -> Json:
    if param.const is not None:
        return param.const
    return param.default if param.required or param.send_default else None


def _first_of_each_field(violations: list[Violation]) -> Iterator[Violation]:
    """One field may fail in several ways; the way that was found first is the nearest to the cause."""
    seen: set[str] = set()
    for violation in violations:
        if violation.field not in seen:
            seen.add(violation.field)
            yield violation


def _contradictions(offers: list[_Setting]) -> Iterator[Violation]:
    """A parameter is set once. Only where one field follows from another may both say it, and then the same."""
    first = offers[0]
    for other in offers[1:]:
        if not (first.follows or other.follows):
            yield Violation(other.field, f"says the same as {first.field}; send one of them")
        elif other.value != first.value:
            yield Violation(other.field, f"contradicts {first.field}; send one of them")


def _against_const(param: Param, value: Json) -> str:
    return "" if value == param.const else f"is always {listed((param.const,))} for this model; leave it out"


def _flat(model: Model, extra: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """The fields of `extra`, those inside the row's nested objects by their dotted names."""
    nests = _nests(model)
    for name, value in extra.items():
        if name in nests and isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", plain(item)) for inner, item in value.items())
        else:
            yield name, plain(value)


def _nests(model: Model) -> frozenset[str]:
    return frozenset(param.name.partition(".")[0] for param in model.params if "." in param.name)


def _unwelcome(model: Model, unknown: Mapping[str, Json]) -> Iterator[Violation]:
    """What may not pass on although the row knows nothing of it."""
    nests = _nests(model)
    for name, value in unknown.items():
        if model.strict:
            yield Violation(f"extra.{name}", f"{model.id} takes no {name}; it takes {listed(fields(model))}")
        elif name in nests:
            yield Violation(f"extra.{name}", "must be an object")
        elif not is_json(value):
            yield Violation(f"extra.{name}", "must not hold a number that is infinite or not a number")


def _nested(model: Model, flat: Mapping[str, Json]) -> dict[str, Json]:
    """The body, with a dotted name inside one of the row's nested objects."""
    nests = _nests(model)
    body: dict[str, Json] = {}
    inner: dict[str, dict[str, Json]] = {}
    for name, value in flat.items():
        nest, dot, key = name.partition(".")
        if not dot or nest not in nests:
            body[name] = value
            continue
        if nest not in inner:
            body[nest] = inner[nest] = {}
        inner[nest][key] = value
    return body
