"""What each of the five functions of wan2.1-vace-plus needs. Pure."""

from collections.abc import Iterator
from typing import Final

from services.catalog.asked import Asked
from services.catalog.check import shown
from services.domain.errors import Violation

_NEEDS_CLIP: Final = frozenset({"video_repainting", "video_edit", "video_outpainting"})
_ONE_PICTURE: Final = frozenset({"video_repainting", "video_edit"})
_COARSE_CONTROL: Final = frozenset({"video_edit", "video_extension"})
_MASKS: Final = ("mask_image_url", "mask_video_url")
_ENDS: Final = ("first_frame_url", "last_frame_url", "first_clip_url", "last_clip_url", "video_url")


def pictures(asked: Asked) -> Iterator[Violation]:
    """image_reference needs pictures; repainting and editing take one at most."""
    function = asked.value("function")
    if function == "image_reference" and not asked.has("images"):
        yield asked.violation("images", "is required for image_reference: 1 to 3 pictures")
    if function in _ONE_PICTURE and asked.count("images") > 1:
        yield asked.violation("images", f"must have at most 1 for {function}; got {asked.count('images')}")


def roles(asked: Asked) -> Iterator[Violation]:
    """Each picture has a role, and one at most is the background."""
    parts = asked.value("obj_or_bg")
    if asked.value("function") != "image_reference" or not isinstance(parts, list):
        return
    if asked.count("images") != len(parts):
        count = asked.count("images")
        yield asked.violation("obj_or_bg", f"must have one word for each picture: {count} pictures, {len(parts)} words")
    if parts.count("bg") > 1:
        yield asked.violation("obj_or_bg", f"must have at most one bg; got {parts.count('bg')}")


def clip(asked: Asked) -> Iterator[Violation]:
    """Three functions work on a clip; an extension works on whatever it extends."""
    function = asked.value("function")
    if function in _NEEDS_CLIP and not asked.has("video_url"):
        yield asked.violation("video_url", f"is required for {function}")
    if function == "video_extension" and not any(map(asked.has, _ENDS)):
        yield asked.violation("first_frame_url", "or another frame or clip to extend from is required for video_extension")


def control(asked: Asked) -> Iterator[Violation]:
    """Which feature is taken from the clip."""
    function, feature = asked.value("function"), asked.value("control_condition")
    wanted = function == "video_repainting" or (function == "video_extension" and asked.has("video_url"))
    if wanted and not asked.has("control_condition"):
        yield asked.violation("control_condition", f"is required for {function}")
    if function in _COARSE_CONTROL and feature not in (None, "posebodyface", "depth"):
        yield asked.violation("control_condition", f"must be one of posebodyface, depth for {function}; got {shown(feature)}")


def masks(asked: Asked) -> Iterator[Violation]:
    """An edit needs exactly one mask."""
    if asked.value("function") == "video_edit" and sum(map(asked.has, _MASKS)) != 1:
        yield asked.violation(
            "mask_image_url", f"or {asked.name('mask_video_url')}, exactly one of them, is required for video_edit"
        )


FUNCTIONS: Final = (pictures, roles, clip, control, masks)
"""Every condition of the row."""
