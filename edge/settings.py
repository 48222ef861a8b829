"""What the environment says of the edge, read once at the door.

A bad value stops the start with a line that names the variable. The words are those of the core, which reads the same ones.
"""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|d|)", re.ASCII | re.IGNORECASE)
_DURATION_UNITS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*([kmg]?)i?b?", re.ASCII | re.IGNORECASE)
_SIZE_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LARGEST_BODY: Final = 1 << 30
_ADDRESS: Final = re.compile(r"unix:/.+|(\[[0-9A-Fa-f:.]+\]|[\w.-]+):\d{1,5}", re.ASCII)


def _duration(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError("takes a duration as in 500ms, 15s, 5m, or plain seconds")
    return float(found[1]) * _DURATION_UNITS[found[2].lower()]


def _positive_duration(text: str) -> float:
    seconds = _duration(text)
    if seconds <= 0:
        raise ValueError("takes a duration of more than 0 as in 500ms, 15s, 5m, or plain seconds")
    return seconds


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    size = int(float(found[1]) * _SIZE_UNITS[found[2].lower()]) if found else 0
    if not 1024 <= size <= _LARGEST_BODY:
        raise ValueError("takes a size from 1KB to 1GB, as in 64MB, or plain bytes")
    return size


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or (not text.startswith("unix:") and int(text.rpartition(":")[2]) > 65535):
        raise ValueError("takes unix:/absolute/path.sock or host:port")
    return text


def _listen_or_off(text: str) -> str:
    return "off" if text.lower() == "off" else _address(text)


class BadSetting(ValueError):
    """A setting cannot be used; the text is one line that names each such variable and what it takes."""


class Settings(BaseSettings):
    """The settings of the edge. Durations are seconds, sizes bytes; a field's alias is the variable's name."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=False, hide_input_in_errors=True)

    listen: Annotated[str, BeforeValidator(_address)] = Field(alias="CLI2API_EDGE_LISTEN")
    core_target: str = Field(alias="CLI2API_CORE_TARGET")
    max_body: Annotated[int, BeforeValidator(_size)] = Field(64 << 20, alias="CLI2API_MAX_BODY")
    image_timeout: Annotated[float, BeforeValidator(_positive_duration)] = Field(300.0, alias="CLI2API_IMAGE_TIMEOUT")
    heartbeat: Annotated[float, BeforeValidator(_positive_duration)] = Field(15.0, alias="CLI2API_HEARTBEAT")
    drain_timeout: Annotated[float, BeforeValidator(_duration)] = Field(10.0, alias="CLI2API_DRAIN_TIMEOUT")
    metrics_listen: Annotated[str, BeforeValidator(_listen_or_off)] = Field("127.0.0.1:9464", alias="CLI2API_METRICS_LISTEN")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = Field(
        "info", alias="CLI2API_LOG_LEVEL"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read` hands in counts; the process's own environment is never looked at from in here."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """The settings that `environ` holds; empty means the default. Raises BadSetting."""
        names = [str(field.alias) for field in cls.model_fields.values()]
        given: dict[str, Any] = {name: environ[name].strip() for name in names if environ.get(name, "").strip()}
        run = os.path.join(environ.get("CLI2API_STATE_DIR", "").strip() or _state_dir(environ), "run")
        given.setdefault("CLI2API_EDGE_LISTEN", f"unix:{run}/edge.sock")
        given.setdefault("CLI2API_CORE_TARGET", f"unix:{run}/core.sock")
        try:
            return cls(**given)
        except ValidationError as error:
            raise BadSetting(
                "; ".join(_complaint(str(each["loc"][0]), str(each["msg"]), given) for each in error.errors())
            ) from None


def _complaint(name: str, message: str, given: Mapping[str, str]) -> str:
    return f'{name} is "{given.get(name, "")}": {message.removeprefix("Value error, ")}'


def _state_dir(environ: Mapping[str, str]) -> str:
    state_home = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state_home):  # the XDG specification: a relative path is to be ignored
        state_home = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".local", "state")
    return os.path.join(state_home, "cli2api")
