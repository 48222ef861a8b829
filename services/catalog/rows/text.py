"""The text rows: which upstream operations serve which name. Data only.

MuleRun serves more text models than these; a name that is not here is passed on as it is.
"""

from typing import Final

from services.catalog.rows.shared import CATALOG_READ_AT
from services.domain.model import Model, ModelKind

_CHAT: Final = "/v1/chat/completions"
_MESSAGES: Final = "/v1/messages"
_VENDOR_CHAT: Final = "/vendors/openai/v1/chat/completions"
_VENDOR_RESPONSES: Final = "/vendors/openai/v1/responses"


def _row(name: str, vendor: str, *paths: str, upstream_model: str = "", notes: str = "") -> Model:
    return Model(
        id=name,
        kind=ModelKind.TEXT,
        vendor=vendor,
        paths=paths,
        upstream_model=upstream_model or name,
        created=CATALOG_READ_AT,
        notes=notes,
    )


TEXT: Final = (
    _row("gpt-5", "openai", _CHAT, _VENDOR_RESPONSES, notes="May need MuleRun's key for text models."),
    _row("gpt-5-mini", "openai", _CHAT),
    _row("gpt-5-nano", "openai", _CHAT),
    _row("gpt-4.1", "openai", _CHAT),
    _row("gpt-4.1-mini", "openai", _CHAT),
    _row("o4-mini", "openai", _CHAT),
    _row("deepseek-v4-flash", "deepseek", _CHAT, notes="Works with the account key (muk-)."),
    _row("deepseek-v4-pro", "deepseek", _CHAT, notes="Works with the account key (muk-)."),
    _row("claude-sonnet-4-6", "anthropic", _MESSAGES, _CHAT),
    _row("claude-haiku-4-5", "anthropic", _MESSAGES, _CHAT),
    _row("claude-opus-4-7", "anthropic", _MESSAGES, _CHAT),
    _row("openai/gpt-5.5", "openai", _VENDOR_CHAT, _VENDOR_RESPONSES, upstream_model="gpt-5.5"),
    _row("openai/gpt-5.4-mini", "openai", _VENDOR_CHAT, _VENDOR_RESPONSES, upstream_model="gpt-5.4-mini"),
    _row("openai/gpt-5.4-nano", "openai", _VENDOR_CHAT, _VENDOR_RESPONSES, upstream_model="gpt-5.4-nano"),
    _row("openai/gpt-5.3-codex", "openai", _VENDOR_RESPONSES, upstream_model="gpt-5.3-codex", notes="Answers on Responses only."),
)
