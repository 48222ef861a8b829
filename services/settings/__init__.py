"""What the environment says, read once at the door and checked whole. No other room looks at the environment.

A value that is missing or empty means the default; a bad one stops the start with a line that names the variable.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from services.settings import grammar

FROM_FILE: Final = (
    "MULERUN_TOKEN",
    "MULERUN_STUDIO_TOKEN",
    "CLI2API_API_KEYS",
    "CLI2API_MODEL_ALIASES",
    "CLI2API_JOBSTORE_DSN",
    "CLI2API_USAGE_DSN",
    "CLI2API_WEBHOOK_SECRET",
    "CLI2API_NOTIFY_SECRETS",
)
"""Settings that may also be handed in as a file, by the same name with `_FILE` behind it."""
_NO_SECRETS: Final = frozenset({"CLI2API_MODEL_ALIASES"})
"""Those among them that may be shown."""

Port = Annotated[int, BeforeValidator(grammar.whole(0, 65535))]
Seconds = Annotated[float, BeforeValidator(grammar.duration)]
MoreThanNoSeconds = Annotated[float, BeforeValidator(grammar.positive_duration)]
Url = Annotated[str, BeforeValidator(grammar.url)]
Listen = Annotated[str, BeforeValidator(grammar.listen)]
Number = Annotated[int, BeforeValidator(grammar.whole(1, 64))]
Flag = Annotated[bool, BeforeValidator(grammar.flag)]
File = Annotated[Path, BeforeValidator(grammar.absolute_path)]
Level = Literal["debug", "info", "warning", "error"]


class BadSetting(ValueError):
    """A setting cannot be used; the text is one line for each, naming variable, value (unless secret) and what it takes."""


class Settings(BaseSettings):
    """Every setting of the gateway. Durations are seconds, sizes bytes; the field's alias is the variable's name."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    host: str = Field("127.0.0.1", alias="CLI2API_HOST")
    port: Port = Field(8080, alias="CLI2API_PORT")
    grpc_port: Port = Field(50051, alias="CLI2API_GRPC_PORT")
    api_keys: Annotated[tuple[str, ...], BeforeValidator(grammar.keys)] = Field((), alias="CLI2API_API_KEYS", repr=False)
    allow_anonymous: Flag = Field(False, alias="CLI2API_ALLOW_ANONYMOUS")
    tls_cert: File | None = Field(None, alias="CLI2API_TLS_CERT")
    tls_key: File | None = Field(None, alias="CLI2API_TLS_KEY")
    tls_client_ca: File | None = Field(None, alias="CLI2API_TLS_CLIENT_CA")
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(grammar.origins)] = Field((), alias="CLI2API_CORS_ORIGINS")

    mulerun_token: SecretStr = Field(SecretStr(""), alias="MULERUN_TOKEN")
    mulerun_studio_token: SecretStr = Field(SecretStr(""), alias="MULERUN_STUDIO_TOKEN")
    api_base_url: Url = Field("https://api.mulerun.com", alias="MULERUN_API_BASE_URL")
    oauth_base_url: Url = Field("https://mulerun.com", alias="MULERUN_OAUTH_BASE_URL")
    token_cache: Path | None = Field(None, alias="CLI2API_TOKEN_CACHE")
    oauth_timeout: MoreThanNoSeconds = Field(10.0, alias="CLI2API_OAUTH_TIMEOUT")

    jobstore_dsn: SecretStr = Field(SecretStr(""), alias="CLI2API_JOBSTORE_DSN")
    jobstore_pool: Annotated[int, BeforeValidator(grammar.whole(1, 1000))] = Field(10, alias="CLI2API_JOBSTORE_POOL")
    job_retention: Seconds = Field(168 * 3600.0, alias="CLI2API_JOB_RETENTION")
    reaper_interval: Seconds = Field(3600.0, alias="CLI2API_REAPER_INTERVAL")
    job_hard_cap_mult: Annotated[float, BeforeValidator(grammar.number(1, 1000))] = Field(3.0, alias="CLI2API_JOB_HARD_CAP_MULT")
    poll_interval: MoreThanNoSeconds = Field(2.0, alias="CLI2API_POLL_INTERVAL")
    poll_max_interval: MoreThanNoSeconds = Field(10.0, alias="CLI2API_POLL_MAX_INTERVAL")
    notify_url: Annotated[str, BeforeValidator(grammar.receiver)] = Field("", alias="CLI2API_NOTIFY_URL")
    notify_secrets: Annotated[tuple[bytes, ...], BeforeValidator(grammar.signing_secrets)] = Field(
        (), alias="CLI2API_NOTIFY_SECRETS", repr=False
    )
    notify_allow_private: Flag = Field(False, alias="CLI2API_NOTIFY_ALLOW_PRIVATE")
    webhook_secret: Annotated[SecretStr, BeforeValidator(grammar.webhook_secret)] = Field(
        SecretStr(""), alias="CLI2API_WEBHOOK_SECRET"
    )
    image_timeout: MoreThanNoSeconds = Field(300.0, alias="CLI2API_IMAGE_TIMEOUT")

    asset_store: str = Field("", alias="CLI2API_ASSET_STORE")
    asset_max: Annotated[int, BeforeValidator(grammar.asset_size)] = Field(2 << 30, alias="CLI2API_ASSET_MAX")
    asset_allow_private: Flag = Field(False, alias="CLI2API_ASSET_ALLOW_PRIVATE")

    usage_dsn: SecretStr = Field(SecretStr(""), alias="CLI2API_USAGE_DSN")
    usage_retention: Seconds = Field(720 * 3600.0, alias="CLI2API_USAGE_RETENTION")
    usage_buffer: Annotated[int, BeforeValidator(grammar.whole(1, 1_000_000))] = Field(1024, alias="CLI2API_USAGE_BUFFER")
    stream_usage: Flag = Field(False, alias="CLI2API_STREAM_USAGE")

    model_aliases: Annotated[dict[str, str], BeforeValidator(grammar.aliases)] = Field({}, alias="CLI2API_MODEL_ALIASES")
    state_dir: Annotated[Path, BeforeValidator(grammar.absolute_path)] = Field(alias="CLI2API_STATE_DIR")
    log_level: Annotated[Level, BeforeValidator(grammar.word("debug", "info", "warning", "error"))] = Field(
        "info", alias="CLI2API_LOG_LEVEL"
    )
    max_body: Annotated[int, BeforeValidator(grammar.size)] = Field(64 << 20, alias="CLI2API_MAX_BODY")
    heartbeat: MoreThanNoSeconds = Field(15.0, alias="CLI2API_HEARTBEAT")
    drain_timeout: Seconds = Field(10.0, alias="CLI2API_DRAIN_TIMEOUT")
    drain_delay: Seconds = Field(0.0, alias="CLI2API_DRAIN_DELAY")
    cores: Number = Field(1, alias="CLI2API_CORES")
    edges: Number = Field(1, alias="CLI2API_EDGES")

    metrics_listen: Annotated[str, BeforeValidator(grammar.listen_or_off)] = Field(
        "127.0.0.1:9464", alias="CLI2API_METRICS_LISTEN"
    )

    text_path: Annotated[Literal["direct", "relay"], BeforeValidator(grammar.word("direct", "relay"))] = Field(
        "direct", alias="CLI2API_TEXT_PATH"
    )
    direct_dir: File | None = Field(None, alias="CLI2API_DIRECT_DIR")

    core_listen: Listen = Field(alias="CLI2API_CORE_LISTEN")
    core_target: str = Field(alias="CLI2API_CORE_TARGET")
    edge_listen: Listen = Field(alias="CLI2API_EDGE_LISTEN")

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
        return (init_settings,)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """The settings that `environ` holds. Raises BadSetting; its text is fit to be shown and has no secrets."""
        given = {name: environ[name].strip() for name in names() if environ.get(name, "").strip()}
        for name in FROM_FILE:
            given |= _from_file(name, environ)
        asked = set(given)
        given.setdefault("CLI2API_STATE_DIR", _state_dir(environ))
        run = f"{given['CLI2API_STATE_DIR']}/run"
        given.setdefault("CLI2API_CORE_LISTEN", f"unix:{run}/core.sock")
        given.setdefault("CLI2API_EDGE_LISTEN", f"unix:{run}/edge.sock")
        given.setdefault("CLI2API_CORE_TARGET", grammar.reachable(given["CLI2API_CORE_LISTEN"]))
        try:
            settings = cls(**given)  # type: ignore[arg-type]
        except ValidationError as error:
            found = {str(each["loc"][0]): each for each in error.errors()}
            own = [name for name in found if name in asked] or list(found)  # what follows from a bad value is not said again
            raise BadSetting("; ".join(_complaint(name, found[name], given) for name in own)) from None
        settings._hold_together()
        return settings

    def _hold_together(self) -> None:
        """What no single value can tell. An open gateway is for one's own machine only, unless the operator says otherwise."""
        if self.poll_max_interval < self.poll_interval:
            raise BadSetting(
                f"CLI2API_POLL_MAX_INTERVAL is {self.poll_max_interval:g}s: takes at least"
                f" CLI2API_POLL_INTERVAL, which is {self.poll_interval:g}s"
            )
        if self.notify_url and not self.notify_secrets:
            raise BadSetting("CLI2API_NOTIFY_SECRETS is empty: CLI2API_NOTIFY_URL needs a secret that signs what is sent there")
        if self.notify_url.lower().startswith("http:") and not self.notify_allow_private:
            raise BadSetting(
                f'CLI2API_NOTIFY_URL is "{self.notify_url}": takes https, or set CLI2API_NOTIFY_ALLOW_PRIVATE=1 if it is your own'
            )
        if self.port == self.grpc_port != 0:
            raise BadSetting(f"CLI2API_GRPC_PORT is {self.grpc_port}, and so is CLI2API_PORT: give them different ports")
        if bool(self.tls_cert) != bool(self.tls_key):
            missing, given = ("CLI2API_TLS_KEY", "CLI2API_TLS_CERT") if self.tls_cert else ("CLI2API_TLS_CERT", "CLI2API_TLS_KEY")
            raise BadSetting(f"{missing} is empty: {given} is set, and TLS needs both")
        if self.tls_client_ca and not self.tls_cert:
            raise BadSetting("CLI2API_TLS_CERT is empty: CLI2API_TLS_CLIENT_CA asks callers for certificates, which needs TLS")
        if self.api_keys or self.allow_anonymous:
            return
        for name, host in (("CLI2API_HOST", self.host), ("CLI2API_CORE_LISTEN", grammar.host_of(self.core_listen))):
            if not grammar.is_loopback(host):
                raise BadSetting(
                    f'{name} is "{host}", which others can reach, and no key is asked for: set CLI2API_API_KEYS,'
                    " or CLI2API_ALLOW_ANONYMOUS=1 if everybody may spend your credits"
                )


def names() -> tuple[str, ...]:
    """Every variable that is understood, without the `_FILE` forms."""
    return tuple(str(each.alias) for each in Settings.model_fields.values())


def strays(environ: Mapping[str, str]) -> list[str]:
    """A warning for each CLI2API_ variable that nothing reads, since a misspelt setting must not pass in silence."""
    known = {*names(), *(f"{name}_FILE" for name in FROM_FILE)}
    warnings = []
    for name in sorted(set(environ) - known):
        if name.startswith("CLI2API_"):
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
            warnings.append(f"{name} is no setting of this gateway" + (f"; did you mean {near[0]}?" if near else ""))
    return warnings


def _state_dir(environ: Mapping[str, str]) -> str:
    state_home = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state_home):  # the XDG specification: a relative path is to be ignored
        state_home = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".local", "state")
    return os.path.join(state_home, "cli2api")


def _from_file(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    path = environ.get(f"{name}_FILE", "").strip()
    if not path:
        return {}
    if environ.get(name, "").strip():
        raise BadSetting(f"{name} and {name}_FILE are both set: set one of them")
    try:
        secret = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise BadSetting(f'{name}_FILE is "{path}", which cannot be read: {why}') from None
    return {name: secret} if secret else {}


def _complaint(name: str, error: Mapping[str, object], given: Mapping[str, str]) -> str:
    context = error.get("ctx")
    takes = context["error"] if isinstance(context, dict) and "error" in context else error["msg"]
    is_secret = name in {*FROM_FILE} - _NO_SECRETS or "@" in given.get(name, "")  # a URL may have a password in it
    shown = "" if is_secret else f' is "{given.get(name, "")[:100]}"'
    return f"{name}{shown}: {takes}"
