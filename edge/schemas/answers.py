"""The answers in OpenAI's shapes, as JSON Schema. Data only."""

from collections.abc import Mapping
from typing import Any, Final

from edge.dialects import usage

TEXT: Final = {"type": "string"}
MOMENT: Final = {"type": "integer", "description": "Unix seconds."}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_MAYBE_MOMENT: Final = {"type": ["integer", "null"], "description": "Unix seconds."}


def ref(name: str) -> dict[str, Any]:
    """A reference to one of these."""
    return {"$ref": f"#/components/schemas/{name}"}


def shape(properties: Mapping[str, Any], *, optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An object whose `properties` are all there."""
    return {"type": "object", "required": list(properties), "properties": {**properties, **(optional or {})}}


def _pages_of(name: str) -> dict[str, Any]:
    return shape(
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": ref(name)},
            "first_id": _MAYBE_TEXT,
            "last_id": _MAYBE_TEXT,
            "has_more": {"type": "boolean"},
        }
    )


def _deleted(word: str) -> dict[str, Any]:
    return shape({"id": TEXT, "deleted": {"const": True}, "object": {"const": f"{word}.deleted"}})


_COURSE: Final[Mapping[str, Any]] = {
    "model": TEXT,
    "status": {"enum": ["queued", "in_progress", "completed", "failed"]},
    "progress": {"type": "integer", "minimum": 0, "maximum": 100, "description": "An estimate; it never falls."},
    "created_at": MOMENT,
    "completed_at": _MAYBE_MOMENT,
    "expires_at": {**_MAYBE_MOMENT, "description": "Unix seconds; null where it is kept for good."},
    "prompt": _MAYBE_TEXT,
    "error": {"anyOf": [shape({"code": TEXT, "message": TEXT}), {"type": "null"}]},
}
_LINKS: Final = {"type": "array", "items": {"type": "string", "format": "uri"}}
_LINKS_WHEN_DONE: Final = {**_LINKS, "description": "Links at MuleRun, once completed. They may die within the hour."}

_SECONDS: Final = {"type": "number", "description": "Unix seconds."}
_SUMS: Final = {name: {"type": "integer", "minimum": 0} for name in usage.COUNTS}

SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Error": shape(
        {"error": shape({"message": TEXT, "type": TEXT, "param": _MAYBE_TEXT, "code": _MAYBE_TEXT})},
    ),
    "AnthropicError": shape(
        {"type": {"const": "error"}, "error": shape({"type": TEXT, "message": TEXT}), "request_id": TEXT},
    ),
    "Images": shape(
        {
            "created": MOMENT,
            "data": {
                "type": "array",
                "items": {"anyOf": [shape({"url": {"type": "string", "format": "uri"}}), shape({"b64_json": TEXT})]},
            },
        },
        optional={"size": TEXT, "quality": TEXT, "output_format": TEXT},
    ),
    "Video": shape(
        {
            "id": TEXT,
            "object": {"const": "video"},
            **_COURSE,
            "size": TEXT,
            "seconds": TEXT,
            "remixed_from_video_id": _MAYBE_TEXT,
        },
        optional={"videos": _LINKS_WHEN_DONE},
    ),
    "VideoList": _pages_of("Video"),
    "VideoDeleted": _deleted("video"),
    "Music": shape(
        {"id": TEXT, "object": {"const": "music"}, **_COURSE}, optional={"audios": _LINKS_WHEN_DONE, "seconds": _MAYBE_TEXT}
    ),
    "MusicList": _pages_of("Music"),
    "MusicDeleted": _deleted("music"),
    "Model": shape(
        {
            "id": TEXT,
            "object": {"const": "model"},
            "created": MOMENT,
            "owned_by": TEXT,
            "kind": {"enum": ["text", "image", "image_edit", "video", "speech", "music"]},
        },
        optional={
            "alias_of": TEXT,
            "parameters": {"type": "object", "description": "JSON Schema of what a media model takes."},
            "notes": TEXT,
        },
    ),
    "ModelList": shape({"object": {"const": "list"}, "data": {"type": "array", "items": ref("Model")}}),
    "SpeechEvent": {
        "description": "The JSON of one event: pieces of the sound in base64, then the end.",
        "anyOf": [
            shape({"type": {"const": "speech.audio.delta"}, "audio": TEXT}),
            shape({"type": {"const": "speech.audio.done"}, "usage": {"type": "object"}}),
        ],
    },
    "Usage": shape(
        {
            "object": {"const": "usage"},
            "from": _SECONDS,
            "to": _SECONDS,
            "group_by": TEXT,
            "filter": shape({"model": _MAYBE_TEXT, "endpoint": _MAYBE_TEXT}),
            "rows": {"type": "array", "items": shape({"bucket": TEXT, **_SUMS})},
            "totals": shape(_SUMS),
            "dropped": {"type": "integer", "minimum": 0},
        }
    ),
    "Received": shape({"received": {"const": True}}),
    "Health": shape({"status": TEXT}, optional={"missing": {"type": "array", "items": TEXT}}),
}
