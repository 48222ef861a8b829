"""HTTP ranges: which bytes a caller wants. Only single ranges are served; anything else is answered whole, as HTTP allows."""

import re
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """From `first` to `last`, both included; to the end where `last` is None."""

    first: int
    last: int | None

    @property
    def limit(self) -> int:
        """Bytes wanted; 0 for all that follow."""
        return 0 if self.last is None else self.last - self.first + 1

    def content_range(self, size: int) -> str:
        """The header that names what is sent of `size` bytes."""
        last = size - 1 if self.last is None else min(self.last, size - 1)
        return f"bytes {self.first}-{last}/{size}"

    def length(self, size: int) -> int:
        """Bytes that are sent of `size` bytes."""
        rest = size - self.first
        return rest if self.last is None else min(self.limit, rest)


def parse(header: str) -> ByteRange | None:
    """The one range that a Range header names; None where the whole file has to be sent."""
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    wanted = ByteRange(first=int(match[1]), last=int(match[2]) if match[2] else None)
    return None if wanted.last is not None and wanted.last < wanted.first else wanted
