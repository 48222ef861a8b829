"""Reads the settings anew and says what has changed. Law: what cannot be taken up whole is not taken up at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.catalog.catalog import Catalog
from services.settings import FROM_FILE, BadSetting, Settings

LIVE: Final[Mapping[str, str]] = {
    "CLI2API_API_KEYS": "keys",
    "CLI2API_MODEL_ALIASES": "aliases",
    "MULERUN_TOKEN": "credential",
    "MULERUN_STUDIO_TOKEN": "credential",
}
"""The settings that are taken up while the gateway runs, and what people call them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a reload."""

    changed: tuple[str, ...] = ()
    """In people's words, each once."""
    refused: str = ""
    """Why nothing was taken up, with the fix; empty where it was."""
    needs_restart: tuple[str, ...] = ()
    """Variables that read otherwise now, and count only after a restart."""

    def and_also(self, other: "Outcome") -> "Outcome":
        """Both in one."""
        return Outcome(
            changed=tuple(dict.fromkeys((*self.changed, *other.changed))),
            refused=self.refused or other.refused,
            needs_restart=tuple(dict.fromkeys((*self.needs_restart, *other.needs_restart))),
        )


def reread(held: Settings, environ: Mapping[str, str]) -> Settings:
    """The settings as they read now. Raises BadSetting where they cannot follow those that are `held`.

    A process's own environment stands still, so what differs has come from the files that `environ` names.
    """
    now = Settings.read(environ)
    if held.api_keys and not now.api_keys:
        raise BadSetting(
            "CLI2API_API_KEYS has no key any more, and a gateway that asks for keys is not opened while it runs:"
            " write a key, or restart the gateway without any"
        )
    try:
        Catalog(now.model_aliases)
    except ValueError as error:
        raise BadSetting(f"CLI2API_MODEL_ALIASES: {error}") from error
    return now


def compared(held: Settings, now: Settings) -> Outcome:
    """What differs between the two. Pure."""
    differing = [str(field.alias) for name, field in Settings.model_fields.items() if getattr(held, name) != getattr(now, name)]
    return Outcome(
        changed=tuple(dict.fromkeys(LIVE[name] for name in differing if name in LIVE)),
        needs_restart=tuple(name for name in differing if name not in LIVE),
    )


def taken_up(held: Settings, now: Settings) -> Settings:
    """The settings that are `held`, with what may change as it is `now`. Pure."""
    changing = [name for name, field in Settings.model_fields.items() if str(field.alias) in LIVE]
    return held.model_copy(update={name: getattr(now, name) for name in changing})


def files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that settings which may change are read from."""
    named = (environ.get(f"{name}_FILE", "").strip() for name in FROM_FILE if name in LIVE)
    return tuple(Path(path) for path in named if path)
