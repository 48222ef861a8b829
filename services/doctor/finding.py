"""One thing that was looked at, and what to do about it. A finding never holds a secret."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found; `fix` is one line, empty where all is well."""

    check: str
    verdict: Verdict
    says: str
    fix: str = ""
