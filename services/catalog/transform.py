"""Puts a caller's value into the form that the upstream writes it in. Pure.

What it cannot turn it leaves as it is, for the check to name.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from services.catalog.size import Size
from services.domain.model import Json, Param, ParamType, Transform

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,15}(?:\.0+)?")
_DATA_URI: Final = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)

_EXACT: Final = 2**53
"""Beyond this a double is no longer every whole number."""


def plain(value: Json) -> Json:
    """The value in lists, dicts and numbers as JSON has them.

    A protobuf Struct knows doubles only, so a double that is a whole number is written as an integer.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def transformed(param: Param, value: Json) -> Json:
    """The value in the upstream's form, as the row says."""
    match param.transform:
        case Transform.NONE:
            result = value
        case Transform.X_TO_STAR:
            size = Size.parse(value)
            result = size.written("*") if size else value
        case Transform.INT:
            result = int(float(value)) if isinstance(value, str) and _WHOLE.fullmatch(value) else value
        case Transform.STR:
            result = str(plain(value)) if _is_number(value) else value
        case Transform.UPPER:
            result = value.upper() if isinstance(value, str) else value
        case Transform.LOWER:
            result = value.lower() if isinstance(value, str) else value
        case Transform.ON_OFF:
            result = ("on" if value else "off") if isinstance(value, bool) else value
        case Transform.BOOL_STR:
            result = ("true" if value else "false") if isinstance(value, bool) else value
        case Transform.TO_LIST:
            result = [value] if isinstance(value, str) else value
        case Transform.BARE_BASE64:
            head = _DATA_URI.match(value) if isinstance(value, str) else None
            result = value[head.end() :] if head and isinstance(value, str) else value
    return result if param.type is ParamType.NUMBER else plain(result)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _EXACT
