"""Tells a slip of the pen from a parameter that is new upstream, so that nobody pays for a field that is ignored. Pure.

Law: a word that any model of the catalog knows is no slip, and neither is one whose nearest field is set beside it.
"""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from services.catalog.fields import TYPED
from services.catalog.rows import ROWS
from services.domain.errors import Violation
from services.domain.model import Json, Model, Param

_LIKENESS: Final = 0.75
"""A short word with one wrong letter, as in sise for size, is just as alike as this."""


def misspelt(model: Model, unknown: Mapping[str, Json], given: Collection[str]) -> Iterator[Violation]:
    """A violation for each `unknown` field of `extra` that is nearly one the caller could have meant.

    `given` are the typed fields and the upstream keys that are set already; nobody means these again.
    """
    meant = _unset(model, given)
    for name in unknown:
        if name in _WORDS:
            continue
        nest, dot, key = name.rpartition(".")
        # Inside a nested object only its keys are compared, else their common beginning would make all of them alike.
        beside = [each.removeprefix(f"{nest}{dot}") for each in meant if each.rpartition(".")[0] == nest]
        for near in get_close_matches(key.lower(), beside, n=1, cutoff=_LIKENESS):
            yield Violation(f"extra.{name}", f"is no parameter of {model.id}; did you mean {nest}{dot}{near}?")


def _unset(model: Model, given: Collection[str]) -> list[str]:
    """What is there to be meant: the model's own names first, then the contract's."""
    taken = {name for param in model.params if param.name in given for name in _names(param)}.union(given)
    own = [name for param in model.params if param.const is None for name in _names(param)]
    return [name for name in dict.fromkeys((*own, *TYPED[model.kind])) if name not in taken]


def _names(param: Param) -> tuple[str, ...]:
    """The names that set it, and that of the object in which it lies."""
    nest, _, _ = param.name.rpartition(".")
    return (*param.sources, param.name, nest) if nest else (*param.sources, param.name)


_WORDS: Final = frozenset(
    (
        *(name for row in ROWS for param in row.params for name in _names(param)),
        *(name for names in TYPED.values() for name in names),
    )
)
