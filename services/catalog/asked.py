"""A request as the conditions see it: checked values by upstream key, and what the caller called each. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.catalog.check import is_list
from services.domain.errors import Violation
from services.domain.model import Json, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of a model."""

    model: Model
    values: Mapping[str, Json]
    """What passed its own checks, or is sent without being asked, by upstream key."""
    given: frozenset[str]
    """Keys that the caller set, also those whose value is wrong, so that nothing wrong is called missing."""
    names: Mapping[str, str]
    """What the caller called each key, or would call it."""

    def has(self, key: str) -> bool:
        """The caller set it, rightly or wrongly."""
        return key in self.given

    def value(self, key: str) -> Json:
        """Its checked value, else the upstream's default; None where it was set wrongly or has no default."""
        if key in self.values or key in self.given:
            return self.values.get(key)
        return next((param.default for param in self.model.params if param.name == key), None)

    def count(self, key: str) -> int:
        """How many there are: the length of a list, 1 for any other value, 0 for none."""
        value = self.values.get(key)
        if is_list(value):
            return len(value)
        return 0 if value is None else 1

    def name(self, key: str) -> str:
        """What the caller called it, or would call it."""
        return self.names[key]

    def violation(self, key: str, description: str) -> Violation:
        """A violation of that key, in the caller's name for it."""
        return Violation(self.names[key], description)
