"""Ids of jobs: the kind, then the time, then chance, so that they read well, sort by age and cannot be guessed."""

import re
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
_ID: Final = re.compile(
    rf"(?:{'|'.join(PREFIXES.values())})_(?P<time>[{ALPHABET}]{{{TIME_LETTERS}}})[{ALPHABET}]{{{CHANCE_LETTERS}}}", re.ASCII
)


def new_id(kind: ModelKind, now: float, chance: Callable[[int], int] = secrets.randbits) -> str:
    """An id such as `video_01k9...`: 48 bits of milliseconds and 80 bits of chance, in `[a-z0-9_]` only."""
    return f"{PREFIXES[kind]}_{_letters(_milliseconds(now), TIME_LETTERS)}{_letters(chance(5 * CHANCE_LETTERS), CHANCE_LETTERS)}"


def moment(now: float) -> float:
    """`now` as exactly as an id has it, so that the id alone tells where its job stands among others."""
    return _milliseconds(now) / 1000


def moment_of(job_id: str) -> float | None:
    """The moment of an id; None for what is no id of ours. The job may be gone, or may never have been."""
    found = _ID.fullmatch(job_id)
    if found is None:
        return None
    milliseconds = 0
    for letter in found["time"]:
        milliseconds = milliseconds << 5 | ALPHABET.index(letter)
    return milliseconds / 1000


def _milliseconds(now: float) -> int:
    return max(0, int(now * 1000)) & ((1 << 48) - 1)


def _letters(number: int, count: int) -> str:
    return "".join(ALPHABET[(number >> shift) & 31] for shift in range(5 * (count - 1), -1, -5))
