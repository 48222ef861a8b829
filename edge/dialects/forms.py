"""Folds the parts of a form into a body, the way SDKs flatten one: `a[]` is a list, `a[b]` an object, a repeated `a` a list."""

import re
from collections.abc import Sequence
from typing import Any, Final

from edge.dialects.fields import Upload, WrongField

_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STEP: Final = re.compile(r"\[([^\[\]]*)\]")
_DEEPEST: Final = 8


def fold(parts: Sequence[tuple[str, str | Upload]]) -> dict[str, Any]:
    """The body that the parts spell. Raises WrongField where two parts contradict each other."""
    body: dict[str, Any] = {}
    for name, value in parts:
        match = _NAME.fullmatch(name)
        steps = [match[1], *_STEP.findall(match[2])] if match else [name]
        if len(steps) > _DEEPEST:
            raise WrongField(name, f"is nested deeper than {_DEEPEST} levels")
        _place(body, steps, value, name)
    return body


def _place(body: dict[str, Any], steps: Sequence[str], value: str | Upload, name: str) -> None:
    step, rest = steps[0], [each for each in steps[1:] if each]
    is_list = "" in steps[1:]
    if rest:
        inner = body.setdefault(step, {})
        if not isinstance(inner, dict):
            raise WrongField(name, f"is an object here and a plain value elsewhere in the form: {step}")
        _place(inner, [*rest, ""] if is_list else rest, value, name)
    elif step not in body:
        body[step] = [value] if is_list else value
    elif isinstance(body[step], dict):
        raise WrongField(name, f"is a plain value here and an object elsewhere in the form: {step}")
    else:
        present = body[step] if isinstance(body[step], list) else [body[step]]
        body[step] = [*present, value]
