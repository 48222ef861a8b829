"""Says in words what is wrong with a value for a parameter, so that a request which would fail is never paid for. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final, TypeGuard

from services.domain.model import Json, Param, ParamType

_SHOWN: Final = 60
_LARGEST_SHOWN: Final = 10**18
_WORD: Final = re.compile(r"[\w.:/,*+-]+")

_TYPES: Final = {
    ParamType.STRING: "a string",
    ParamType.INTEGER: "a whole number",
    ParamType.NUMBER: "a number",
    ParamType.BOOLEAN: "true or false",
    ParamType.STRINGS: "a list of strings",
    ParamType.OBJECTS: "a list of objects",
    ParamType.OBJECT: "an object",
}


def shown(value: Json) -> str:
    """The value as a caller would write it, cut to a length that fits a message; quoted where it is not one plain word."""
    if isinstance(value, str):
        cut = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
        return cut if _WORD.fullmatch(cut) else json.dumps(cut, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "an object"
    if is_list(value):
        return f"a list of {len(value)}"
    if isinstance(value, int | float) and abs(value) > _LARGEST_SHOWN:
        return "a number beyond all bounds"
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def listed(values: Sequence[Json]) -> str:
    """The values in a row."""
    return ", ".join(map(shown, values))


def is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    """A JSON array."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def is_json(value: Json) -> bool:
    """It can be written as JSON, which has no infinite number and none that is not a number."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, Mapping):
        return all(map(is_json, value.values()))
    return not is_list(value) or all(map(is_json, value))


def is_blank(param: Param, value: Json) -> bool:
    """A required string of nothing but white space says as little as no string."""
    return param.required and isinstance(value, str) and not value.strip()


def wrong(param: Param, value: Json, said: Json) -> str:
    """What is wrong with the value, which the caller `said` in another form, and what would be right; empty where nothing is."""
    if not _has_type(param.type, value):
        return f"must be {_TYPES[param.type]}; got {shown(said)}"
    if isinstance(value, str):
        return _wrong_choice(param, value, said) or _wrong_length(param, value)
    if isinstance(value, int | float):
        return _wrong_choice(param, value, said) or _wrong_range(param, value)
    if is_list(value):
        return _wrong_number(param, value) or next(filter(None, (_wrong_choice(param, item, item) for item in value)), "")
    return ""


def _has_type(kind: ParamType, value: Json) -> bool:
    match kind:
        case ParamType.STRING:
            return isinstance(value, str)
        case ParamType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case ParamType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool) and is_json(value)
        case ParamType.BOOLEAN:
            return isinstance(value, bool)
        case ParamType.STRINGS:
            return is_list(value) and all(isinstance(item, str) and item.strip() for item in value)
        case ParamType.OBJECTS:
            return is_list(value) and all(isinstance(item, Mapping) and is_json(item) for item in value)
        case ParamType.OBJECT:
            return isinstance(value, Mapping) and is_json(value)


def _wrong_choice(param: Param, value: Json, said: Json) -> str:
    if not param.enum or value in param.enum:
        return ""
    choice = "one of " if len(param.enum) > 1 else ""
    return f"must be {choice}{listed(param.enum)}; got {shown(said)}"


def _wrong_length(param: Param, value: str) -> str:
    if param.min_length is not None and len(value) < param.min_length:
        return f"must have at least {param.min_length} characters; got {len(value)}"
    if param.max_length is not None and len(value) > param.max_length:
        return f"must have at most {param.max_length} characters; got {len(value)}"
    return ""


def _wrong_range(param: Param, value: float) -> str:
    least, most = param.minimum, param.maximum
    if (least is None or value >= least) and (most is None or value <= most):
        return ""
    if least is not None and most is not None:
        bounds = f"between {shown(least)} and {shown(most)}"
    elif least is not None:
        bounds = f"at least {shown(least)}"
    else:
        bounds = f"at most {shown(most)}"
    return f"must be {bounds}; got {shown(value)}"


def _wrong_number(param: Param, value: Sequence[Json]) -> str:
    if param.min_items is not None and len(value) < param.min_items:
        return f"must have at least {param.min_items}; got {len(value)}"
    if param.max_items is not None and len(value) > param.max_items:
        return f"must have at most {param.max_items}; got {len(value)}"
    return ""
