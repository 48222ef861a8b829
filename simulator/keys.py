"""Which key opens what: media wants a Bearer, Anthropic's endpoint an X-API-Key, and a key may be dead."""

from collections.abc import Mapping

from simulator.options import Options
from simulator.refusals import Refused, Shape

_MISSING = "Missing Authorization header. Please provide 'Authorization: Bearer <api_key>'"


class Keyring:
    """The keys of one simulator. A key that was refused once stays dead until `reset`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._refused: set[str] = set()

    def refuse(self, key: str) -> None:
        """From now on this key is answered 401."""
        self._refused.add(key)

    def reset(self) -> None:
        """Brings every dead key back."""
        self._refused.clear()

    def check_media(self, headers: Mapping[str, str]) -> None:
        """Raises Refused where the request may not use media."""
        self._check(_bearer(headers), self._options.studio_keys)

    def check_text(self, headers: Mapping[str, str], *, anthropic: bool) -> str:
        """The key of a text request. Raises Refused where it opens no text at all."""
        key = _bearer(headers)
        if anthropic:
            key = headers.get("X-API-Key") or (key if self._options.messages_bearer else None)
        self._check(key, self._all_keys())
        return key or ""

    def opens_gateway(self, key: str) -> bool:
        """Whether the key is one of the LLM gateway, which serves the bare model names."""
        return self._options.text_keys is None or key in self._options.text_keys

    def _all_keys(self) -> frozenset[str] | None:
        studio, text = self._options.studio_keys, self._options.text_keys
        return None if studio is None else studio | (text or frozenset())

    def _check(self, key: str | None, allowed: frozenset[str] | None) -> None:
        if key is None:
            raise Refused(401, title=_MISSING, shape=Shape.ENVELOPE)
        declared = key in (allowed or ()) or key in (self._options.text_keys or ())
        if not declared and not (key.startswith("muk-") and len(key) > len("muk-")):
            raise Refused(401, title="Invalid API Key format", shape=Shape.ENVELOPE)
        if key in self._refused or (allowed is not None and key not in allowed):
            raise Refused(401, title="Invalid API Key", shape=Shape.ENVELOPE)


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() == "bearer" else None
