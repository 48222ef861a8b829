"""Where text calls go."""

from typing import Final

import pytest

from services.catalog.catalog import Catalog
from services.domain.errors import ModelUnresolved, Unsupported
from services.domain.model import Operation, Route

CHAT: Final = Operation.CHAT_COMPLETIONS
RESPONSES: Final = Operation.RESPONSES
MESSAGES: Final = Operation.MESSAGES
COUNT: Final = Operation.COUNT_TOKENS

ALIASES: Final = {"fast": "gpt-5-mini", "next": "openai/gpt-9", "new": "qwen3-max", "lost": "acme/one"}


@pytest.mark.parametrize(
    ("name", "operation", "path", "model"),
    [
        ("gpt-5", CHAT, "/v1/chat/completions", "gpt-5"),
        ("gpt-5", RESPONSES, "/vendors/openai/v1/responses", "gpt-5"),
        ("claude-haiku-4-5", MESSAGES, "/v1/messages", "claude-haiku-4-5"),
        ("claude-haiku-4-5", COUNT, "/v1/messages/count_tokens", "claude-haiku-4-5"),
        ("claude-haiku-4-5", CHAT, "/v1/chat/completions", "claude-haiku-4-5"),
        ("openai/gpt-5.5", CHAT, "/vendors/openai/v1/chat/completions", "gpt-5.5"),
        ("openai/gpt-5.3-codex", RESPONSES, "/vendors/openai/v1/responses", "gpt-5.3-codex"),
        ("openai/gpt-9", CHAT, "/vendors/openai/v1/chat/completions", "gpt-9"),
        ("openai/gpt-9", RESPONSES, "/vendors/openai/v1/responses", "gpt-9"),
        ("qwen3-max", CHAT, "/v1/chat/completions", "qwen3-max"),
        ("qwen3-max", RESPONSES, "/vendors/openai/v1/responses", "qwen3-max"),
        ("claude-9", MESSAGES, "/v1/messages", "claude-9"),
        ("claude-9", COUNT, "/v1/messages/count_tokens", "claude-9"),
        ("fast", CHAT, "/v1/chat/completions", "gpt-5-mini"),
        ("next", CHAT, "/vendors/openai/v1/chat/completions", "gpt-9"),
        ("new", CHAT, "/v1/chat/completions", "qwen3-max"),
    ],
)
def test_a_text_call_goes_here(name: str, operation: Operation, path: str, model: str) -> None:
    assert Catalog(ALIASES).route(name, operation) == Route(operation=operation, path=path, model=model)


@pytest.mark.parametrize(
    ("name", "operation", "message"),
    [
        ("gpt-5-mini", RESPONSES, "gpt-5-mini is not served by /v1/responses; use POST /v1/chat/completions"),
        ("gpt-5", MESSAGES, "gpt-5 is not served by /v1/messages; use POST /v1/chat/completions or POST /v1/responses"),
        (
            "claude-haiku-4-5",
            RESPONSES,
            "claude-haiku-4-5 is not served by /v1/responses; use POST /v1/messages or POST /v1/chat/completions",
        ),
        ("openai/gpt-5.3-codex", CHAT, "openai/gpt-5.3-codex is not served by /v1/chat/completions; use POST /v1/responses"),
        (
            "openai/gpt-9",
            COUNT,
            "openai/gpt-9 is not served by /v1/messages/count_tokens; use POST /v1/chat/completions or POST /v1/responses",
        ),
        ("veo", CHAT, "veo is of kind video: use POST /v1/videos or MediaService.CreateVideo"),
    ],
)
def test_an_operation_that_does_not_serve_the_model_is_refused_with_what_does(
    name: str, operation: Operation, message: str, catalog: Catalog
) -> None:
    with pytest.raises(Unsupported) as caught:
        catalog.route(name, operation)
    assert caught.value.message == message


@pytest.mark.parametrize("name", ["acme/one", "anthropic/claude-haiku-4-5", "openai/", "/gpt-5", ""])
def test_a_prefix_that_leads_nowhere_is_unresolved(name: str, catalog: Catalog) -> None:
    with pytest.raises(ModelUnresolved, match="only openai/ is a vendor prefix"):
        catalog.route(name, CHAT)


def test_an_alias_that_leads_nowhere_is_unresolved_and_named() -> None:
    with pytest.raises(ModelUnresolved, match="alias 'lost': 'acme/one' resolves to no model"):
        Catalog(ALIASES).route("lost", CHAT)


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("gpt-5-mini", (CHAT,)),
        ("claude-opus-4-7", (MESSAGES, COUNT, CHAT)),
        ("openai/gpt-5.3-codex", (RESPONSES,)),
        ("openai/gpt-9", (CHAT, RESPONSES)),
        ("qwen3-max", (CHAT, RESPONSES, MESSAGES, COUNT)),
    ],
)
def test_operations_come_in_the_order_of_preference(name: str, operations: tuple[Operation, ...], catalog: Catalog) -> None:
    assert catalog.operations(name) == operations
