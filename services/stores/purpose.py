"""What a store is for, in the words of messages about it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One kind of store."""

    store: str
    """As in "job store"."""
    setting: str
    """The variable that says where it is."""
    file: str
    """The usual name of its SQLite file."""
    application: int
    """Marks that file, so that one kind of file is never taken for another, nor another program's for ours."""
    shared: bool = False
    """Several processes may have its SQLite file open at once."""

    @property
    def advice(self) -> str:
        """What to do about a place that is taken or cannot be used."""
        return f"set {self.setting} or CLI2API_STATE_DIR to another place"


JOBS: Final = Purpose(store="job store", setting="CLI2API_JOBSTORE_DSN", file="jobs.db", application=0x43324150)
USAGE: Final = Purpose(store="usage store", setting="CLI2API_USAGE_DSN", file="usage.db", application=0x43325553, shared=True)
