"""How settings are written: each rule turns the text of a variable into its value, or says what the variable takes. Pure."""

import base64
import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)", re.ASCII)
_DURATION_UNITS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?i?b?)", re.ASCII | re.IGNORECASE)
_SIZE_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LONGEST_DURATION: Final = 100 * 365 * 86400.0
_LARGEST_SIZE: Final = 1 << 30
_LARGEST_ASSET: Final = 32 << 30
_LONGEST_SOCKET_PATH: Final = 103
"""Bytes that every system allows for the path of a unix socket."""
_FLAGS: Final = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def duration(text: str) -> float:
    """Seconds, from "500ms", "2s", "5m", "168h", "7d" or plain seconds."""
    found = _DURATION.fullmatch(text.lower())
    seconds = float(found[1]) * _DURATION_UNITS[found[2]] if found else math.inf
    if seconds > _LONGEST_DURATION:
        raise ValueError("takes a duration as in 500ms, 2s, 5m, 168h, 7d, or plain seconds")
    return seconds


def positive_duration(text: str) -> float:
    """Seconds, more than none."""
    seconds = duration(text)
    if seconds <= 0:
        raise ValueError("takes a duration of more than 0")
    return seconds


def size(text: str) -> int:
    """Bytes, from "64MB", "512KB", "1GB" or plain bytes; powers of 1024."""
    size_bytes = _bytes(text)
    if not 1024 <= size_bytes <= _LARGEST_SIZE:
        raise ValueError("takes a size from 1KB to 1GB, as in 64MB, or plain bytes")
    return size_bytes


def asset_size(text: str) -> int:
    """Bytes, written as `size` takes them, and up to what an object store takes in parts of 5 MB."""
    size_bytes = _bytes(text)
    if not 1024 <= size_bytes <= _LARGEST_ASSET:
        raise ValueError("takes a size from 1KB to 32GB, as in 2GB, or plain bytes")
    return size_bytes


def _bytes(text: str) -> int:
    found = _SIZE.fullmatch(text)
    return int(float(found[1]) * _SIZE_UNITS[found[2].lower().rstrip("b").rstrip("i")]) if found else 0


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """A whole number of a range."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not lowest <= int(text) <= highest:
            raise ValueError(f"takes a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def number(lowest: float, highest: float) -> Callable[[str], float]:
    """A number of a range."""

    def parse(text: str) -> float:
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) or not lowest <= float(text) <= highest:
            raise ValueError(f"takes a number from {lowest:g} to {highest:g}")
        return float(text)

    return parse


def flag(text: str) -> bool:
    """Yes or no."""
    if text.lower() not in _FLAGS:
        raise ValueError("takes 1 or 0")
    return _FLAGS[text.lower()]


def word(*words: str) -> Callable[[str], str]:
    """One of a few words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"takes one of {', '.join(words)}")
        return text.lower()

    return parse


def url(text: str) -> str:
    """An http(s) URL without a slash at its end."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not parts.query + parts.fragment
        good = good and "@" not in parts.netloc  # a password would stand in logs and errors
    except ValueError:
        good = False
    if not good:
        raise ValueError("takes an http or https URL without user or password, as in https://api.mulerun.com")
    return text.rstrip("/")


def receiver(text: str) -> str:
    """An http(s) URL to send to, path and query as they are."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not parts.fragment
        good = good and "@" not in parts.netloc and not re.search(r"\s", text)
    except ValueError:
        good = False
    if not good:
        raise ValueError("takes a URL as in https://example.com/hooks, without user or password")
    return text


def signing_secrets(text: str) -> tuple[bytes, ...]:
    """A comma list of secrets as Standard Webhooks writes them: "whsec_" and 24 to 64 bytes in base64."""
    found = []
    for written in filter(None, (each.strip() for each in re.split(r"[,\n]", text))):
        try:
            secret = base64.b64decode(written.removeprefix("whsec_"), validate=True)
        except ValueError:
            secret = b""
        if not written.startswith("whsec_") or not 24 <= len(secret) <= 64:
            raise ValueError('takes a comma list of "whsec_" and 24 to 64 bytes in base64, which `openssl rand -base64 32` makes')
        found.append(secret)
    return tuple(found)


def webhook_secret(text: str) -> str:
    """The secret of MuleRun's webhooks, which signs as it is written."""
    if not re.fullmatch(r"whsec_[A-Za-z0-9+/_-]{8,}={0,2}", text):
        raise ValueError('takes the secret as MuleRun shows it: "whsec_" and at least 8 letters, digits and signs of base64')
    return text


def keys(text: str) -> tuple[str, ...]:
    """A comma list of keys, each of visible ASCII since it travels in a header."""
    listed = tuple(dict.fromkeys(key.strip() for key in re.split(r"[,\n]", text) if key.strip()))
    if not listed or not all(re.fullmatch(r"[!-~]+", key) for key in listed):
        raise ValueError("takes a comma list of keys, each of letters, digits and signs without spaces")
    return listed


def origins(text: str) -> tuple[str, ...]:
    """A comma list of origins of pages, as browsers write them; "*" alone is every page."""
    listed = tuple(dict.fromkeys(each.strip().rstrip("/").lower() for each in text.split(",") if each.strip()))
    if listed == ("*",):
        return listed
    for each in listed:
        if not re.fullmatch(r"https?://(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?", each, re.ASCII):
            raise ValueError(f'takes a comma list of origins as in https://app.example.com, or *; "{each[:60]}" is none')
    return listed


def aliases(text: str) -> dict[str, str]:
    """A list of alias=model, with commas or line ends between them."""
    found: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in re.split(r"[,\n]", text))):
        alias, equals, model = (each.strip() for each in pair.partition("="))
        if not (alias and equals and model) or alias in found:
            raise ValueError(f'takes a comma list of alias=model, each alias once; "{pair}" does not fit')
        found[alias] = model
    return found


def absolute_path(text: str) -> Path:
    """A path from the root, since nobody knows where a service stands."""
    if not Path(text).is_absolute():
        raise ValueError("takes an absolute path")
    return Path(text)


def listen(text: str) -> str:
    """Where to listen: "unix:/abs/path.sock" or "host:port"."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if len(path.encode()) > _LONGEST_SOCKET_PATH:
            raise ValueError(
                f"takes a unix socket path of at most {_LONGEST_SOCKET_PATH} bytes; choose a shorter CLI2API_STATE_DIR"
            )
        if path.startswith("/"):
            return f"unix:{path}"
    elif re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+):\d{1,5}", text, re.ASCII) and int(text.rpartition(":")[2]) <= 65535:
        return text
    raise ValueError("takes unix:/absolute/path.sock or host:port")


def listen_or_off(text: str) -> str:
    """The same, or "off" for nowhere."""
    if text.lower() == "off":
        return "off"
    try:
        return listen(text)
    except ValueError as error:
        raise ValueError(f"{error}, or off") from None


def host_of(listening: str) -> str:
    """The host of a listening address; "localhost" for a unix socket, which nobody else can reach."""
    return "localhost" if listening.startswith("unix:") else listening.rpartition(":")[0].strip("[]")


def reachable(listening: str) -> str:
    """The target under which this machine reaches a listening address."""
    host, _, port = listening.rpartition(":")
    return f"127.0.0.1:{port}" if host in {"0.0.0.0", "[::]"} else listening  # noqa: S104


def is_loopback(host: str) -> bool:
    """Only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
