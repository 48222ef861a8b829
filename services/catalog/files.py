"""How a picture, a clip or a sound is handed in: as a link, or as its content in base64. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from services.catalog.asked import Asked
from services.catalog.check import is_list, shown
from services.domain.errors import Violation
from services.domain.model import Json

_LINKS: Final = frozenset(
    {
        *("video", "video_url", "first_clip_url", "last_clip_url", "first_frame_url", "last_frame_url"),
        *("mask_image_url", "mask_video_url"),
    }
)
"""Parameters that take http(s) links only."""

_FILES: Final = frozenset(
    {
        *("image", "images", "image_tail", "input_reference", "first_frame", "last_frame", "last_frame_image"),
        *("reference_images", "mask", "static_mask", "audio_url", "audios"),
    }
)
"""Parameters that take links, data URIs and bare base64."""

_SCHEMES: Final = ("http://", "https://")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\r\n]{8,}={0,2}")
_HEAD: Final = 256
"""Characters looked at; a file of megabytes is not read to its end."""


def handed_in(asked: Asked) -> Iterator[Violation]:
    """A name of a file on the caller's disk, above all, is not a file."""
    for key, value in asked.values.items():
        if key not in _LINKS | _FILES:
            continue
        items = value if is_list(value) else (value,)
        wanted, fits = ("an http(s) URL", _is_link) if key in _LINKS else ("an http(s) URL, a data URI or base64", _is_file)
        wrong = next((item for item in items if not fits(item)), None)
        if wrong is not None:
            yield asked.violation(key, f"must be {wanted}; got {shown(wrong)}")


def https_only(asked: Asked) -> Iterator[Violation]:
    """Seedance fetches reference clips itself."""
    links = asked.value("videos")
    wrong = next((link for link in links if not _is_https(link)), None) if is_list(links) else None
    if wrong is not None:
        yield asked.violation("videos", f"must be an https URL; got {shown(wrong)}")


def _is_link(value: Json) -> bool:
    return isinstance(value, str) and value.lower().startswith(_SCHEMES)


def _is_https(value: Json) -> bool:
    return isinstance(value, str) and value.lower().startswith("https://")


def _is_file(value: Json) -> bool:
    if not isinstance(value, str):
        return False
    head = value[:_HEAD]
    return _is_link(head) or head.lower().startswith("data:") or _BASE64.fullmatch(head) is not None
