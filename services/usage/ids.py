"""Ids of records, without asking the system for chance each time.

Law: no two are the same, whichever process made them and whenever: a row of ids begins with chance of its own, and counts. Those
of one row lie side by side in the index of a store, so that a batch changes few of its pages.
"""

from collections.abc import Iterator
from itertools import count
from secrets import token_hex
from typing import Final

_OF_CHANCE: Final = 10
"""Bytes; the rest of the sixteen counts, further than any process lives."""


def ids() -> Iterator[str]:
    """A row of ids without an end, of 32 hex digits each."""
    begin = token_hex(_OF_CHANCE)
    return (f"{begin}{number:012x}" for number in count())
