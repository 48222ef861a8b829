"""What finished tasks link to: small real files, made or read only when somebody fetches them."""

import array
import math
import re
import sys
import zlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from simulator.catalog import Endpoint
from simulator.pictures import png
from simulator.wire import Body

_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "pcm": "audio/pcm",
}
_SAMPLES = {"jpeg": "picture.jpeg", "webp": "picture.webp", "mp4": "clip.mp4", "mp3": "tone.mp3", "flac": "tone.flac"}
_SIDES = {"1K": 1024, "2K": 2048, "4K": 4096}
_LARGEST_SIDE = 4096
_TONE_HZ = 440
SECONDS = 1.0
"""How long every clip and tone lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file that a task produces."""

    format: str
    width: int = 0
    height: int = 0
    seed: int = 0
    sample_rate: int = 0

    @property
    def content_type(self) -> str:
        """The Content-Type it is served with."""
        return _TYPES[self.format]

    @property
    def content(self) -> bytes:
        """The file itself."""
        return _content(self)


def assets_for(endpoint: Endpoint, body: Body) -> tuple[Asset, ...]:
    """What a task with this body produces; keys that the endpoint does not know change nothing."""
    body = {name: body.get(name) for name in {field.name.partition(".")[0] for field in endpoint.fields}}
    if endpoint.kind == "video":
        return (Asset(format="mp4"),)
    if endpoint.kind != "image":
        setting = body.get("audio_setting") or {}
        return (Asset(format=setting.get("format") or "mp3", sample_rate=setting.get("sample_rate") or 32_000),)
    width, height = _pixels(body)
    seed = zlib.crc32(str(body.get("prompt")).encode())
    return tuple(
        Asset(format=body.get("format") or "png", width=width, height=height, seed=zlib.crc32(b"%d" % index, seed))
        for index in range(_count(endpoint, body))
    )


def _count(endpoint: Endpoint, body: Body) -> int:
    """Midjourney always makes four; Wan makes, and bills, four unless told otherwise."""
    if "/midjourney/" in endpoint.path:
        return 4
    count = body.get("n")
    return count if isinstance(count, int) else 4 if "/alibaba/" in endpoint.path else 1


def _pixels(body: Body) -> tuple[int, int]:
    size = re.fullmatch(r"(\d{1,5})[x*](\d{1,5})", str(body.get("size")))
    if size:
        return min(int(size[1]), _LARGEST_SIDE), min(int(size[2]), _LARGEST_SIDE)
    side = _SIDES.get(str(body.get("resolution")), 1024)
    ratio = re.fullmatch(r"(\d{1,2}):(\d{1,2})", str(body.get("aspect_ratio")))
    across, down = (int(ratio[1]), int(ratio[2])) if ratio else (1, 1)
    longest = max(across, down)
    return side * across // longest, side * down // longest


@lru_cache(maxsize=64)
def _content(asset: Asset) -> bytes:
    if asset.format == "png":
        return png(asset.width, asset.height, asset.seed)
    if asset.format == "pcm":
        return _tone(asset.sample_rate)
    return files("simulator").joinpath("samples", _SAMPLES[asset.format]).read_bytes()


def _tone(sample_rate: int) -> bytes:
    """A sine wave as 16-bit little-endian mono samples."""
    step = 2 * math.pi * _TONE_HZ / sample_rate
    samples = array.array("h", (round(12_000 * math.sin(step * index)) for index in range(round(sample_rate * SECONDS))))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
