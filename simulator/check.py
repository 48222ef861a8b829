"""Judges a submitted body as the real service would: pure, and every complaint names its parameter."""

import re
from collections.abc import Iterator

from simulator.catalog import Endpoint, Field
from simulator.conditions import CONDITIONS
from simulator.wire import Body, Json

_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,")
_BASE64_HEAD = re.compile(r"[A-Za-z0-9+/]{4,}={0,2}")
_ABSENT = object()


def complaints(endpoint: Endpoint, body: Body) -> list[str]:
    """Everything that is wrong with the body; empty when the service would take it."""
    found = [complaint for field in endpoint.fields for complaint in _field_complaints(field, body)]
    parents = dict.fromkeys(field.name.partition(".")[0] for field in endpoint.fields if "." in field.name)
    found += [f"{key}: must be object" for key in parents if key in body and not isinstance(body[key], dict)]
    if endpoint.strict:
        found += [f"{key}: unknown parameter" for key in unknown_keys(endpoint, body)]
    if not found:
        found = [complaint for rule in endpoint.rules for complaint in CONDITIONS[rule](body)]
    return found


def unknown_keys(endpoint: Endpoint, body: Body) -> tuple[str, ...]:
    """Keys, nested ones dotted, that the endpoint does not know. Unless it is strict, it drops them without a word."""
    known = {field.name for field in endpoint.fields}
    parents = {name.partition(".")[0] for name in known if "." in name}
    unknown = []
    for key, value in body.items():
        if key in parents and isinstance(value, dict):
            unknown += [f"{key}.{inner}" for inner in value if f"{key}.{inner}" not in known]
        elif key not in known:
            unknown.append(key)
    return tuple(unknown)


def _lookup(body: Body, name: str) -> object:
    outer, _, inner = name.partition(".")
    value = body.get(outer, _ABSENT)
    if not inner or value is _ABSENT:
        return value
    return value.get(inner, _ABSENT) if isinstance(value, dict) else _ABSENT


def _field_complaints(field: Field, body: Body) -> Iterator[str]:
    value = _lookup(body, field.name)
    if value is _ABSENT or value is None:
        if field.required:
            yield f"{field.name}: field required"
        return
    if not _is_of(field.type, value):
        yield f"{field.name}: must be {' or '.join(field.type)}, got {type(value).__name__}"
    elif isinstance(value, list):
        yield from _list_complaints(field, value)
    else:
        yield from _scalar_complaints(field, field.name, value)


def _is_of(types: tuple[str, ...], value: object) -> bool:
    """JSON's notion of types: a boolean is no number, and 5.0 is no integer."""
    if isinstance(value, bool):
        return "boolean" in types
    return any(isinstance(value, _PYTHON[word]) for word in types if word != "boolean")


def _list_complaints(field: Field, values: list[Json]) -> Iterator[str]:
    if field.min_items is not None and len(values) < field.min_items:
        yield f"{field.name}: at least {field.min_items} needed, got {len(values)}"
    if field.max_items is not None and len(values) > field.max_items:
        yield f"{field.name}: at most {field.max_items} allowed, got {len(values)}"
    for index, value in enumerate(values):
        label = f"{field.name}[{index}]"
        if field.items is not None and not _is_of((field.items,), value):
            yield f"{label}: must be {field.items}, got {type(value).__name__}"
        else:
            yield from _scalar_complaints(field, label, value)


def _scalar_complaints(field: Field, label: str, value: object) -> Iterator[str]:
    if field.enum is not None and value not in field.enum:
        yield f"{label}: must be one of {', '.join(map(str, field.enum))}"
        return
    if isinstance(value, str):
        if field.min_length is not None and len(value) < field.min_length:
            yield f"{label}: at least {field.min_length} characters needed, got {len(value)}"
        if field.max_length is not None and len(value) > field.max_length:
            yield f"{label}: at most {field.max_length} characters allowed, got {len(value)}"
        yield from _source_complaints(field, label, value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if field.min is not None and value < field.min:
            yield f"{label}: must be at least {field.min:g}"
        if field.max is not None and value > field.max:
            yield f"{label}: must be at most {field.max:g}"


def _source_complaints(field: Field, label: str, value: str) -> Iterator[str]:
    is_url = value.startswith(("http://", "https://"))
    if field.https and not value.startswith("https://"):
        yield f"{label}: must be an https URL"
    elif field.link and not is_url:
        yield f"{label}: must be an http(s) URL"
    elif field.media and not field.https and not (is_url or _DATA_URI.match(value) or _BASE64_HEAD.fullmatch(value[:256])):
        yield f"{label}: must be a URL, a data URI or base64"
