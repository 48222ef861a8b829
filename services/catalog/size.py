"""Arithmetic of frame sizes: pixels, frame shapes and the names of resolutions. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from typing import Final

_PIXELS: Final = re.compile(r"([1-9][0-9]{0,4})[xX*]([1-9][0-9]{0,4})")
_RATIO: Final = re.compile(r"([1-9][0-9]?):([1-9][0-9]?)")

_HEIGHTS: Final = {480: "480p", 720: "720p", 1080: "1080p", 2160: "4k"}
_LENGTHS: Final = ((1024, "1K"), (2048, "2K"), (4096, "4K"))


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, 1 to 99999 each."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: object) -> "Size | None":
        """From "1280x720" or "1280*720"; None for anything else."""
        match = _PIXELS.fullmatch(text) if isinstance(text, str) else None
        return cls(int(match[1]), int(match[2])) if match else None

    def written(self, between: str) -> str:
        """Width and height with `between` between them."""
        return f"{self.width}{between}{self.height}"

    @property
    def ratio(self) -> str:
        """The frame shape in lowest terms, as in "16:9"."""
        common = gcd(self.width, self.height)
        return f"{self.width // common}:{self.height // common}"

    @property
    def height_class(self) -> str | None:
        """What a clip of this size is called by its short side, as in "720p"; None where that has no name."""
        return _HEIGHTS.get(min(self.width, self.height))

    @property
    def length_class(self) -> str | None:
        """The smallest of 1K, 2K and 4K that covers the long side; None where none does."""
        longest = max(self.width, self.height)
        return next((name for most, name in _LENGTHS if longest <= most), None)

    def shape_among(self, ratios: Iterable[object]) -> str | None:
        """The one of `ratios` that is exactly this shape, in its own spelling ("21:9" for 7:3); None where none is."""
        for ratio in ratios:
            match = _RATIO.fullmatch(ratio) if isinstance(ratio, str) else None
            if match and self.width * int(match[2]) == self.height * int(match[1]):
                return match[0]
        return None
