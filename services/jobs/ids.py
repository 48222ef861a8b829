"""Ids of jobs: the kind, then the time, then chance, so that they read well, sort by age and cannot be guessed."""

import secrets
from collections.abc import Callable
from typing import Final

from services.domain.model import ModelKind

PREFIXES: Final = {
    ModelKind.IMAGE: "image",
    ModelKind.IMAGE_EDIT: "edit",
    ModelKind.VIDEO: "video",
    ModelKind.SPEECH: "speech",
    ModelKind.MUSIC: "music",
}
ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""32 letters in ascending order, without those that eyes mix up."""
TIME_LETTERS: Final = 10
CHANCE_LETTERS: Final = 16


def new_id(kind: ModelKind, now: float, chance: Callable[[int], int] = secrets.randbits) -> str:
    """An id such as `video_01k9...`: 48 bits of milliseconds and 80 bits of chance, in `[a-z0-9_]` only."""
    milliseconds = max(0, int(now * 1000)) & ((1 << 48) - 1)
    return f"{PREFIXES[kind]}_{_letters(milliseconds, TIME_LETTERS)}{_letters(chance(5 * CHANCE_LETTERS), CHANCE_LETTERS)}"


def _letters(number: int, count: int) -> str:
    return "".join(ALPHABET[(number >> shift) & 31] for shift in range(5 * (count - 1), -1, -5))
