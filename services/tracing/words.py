"""OpenTelemetry's words for what this core does, as tables."""

from collections.abc import Mapping
from typing import Final

from services.domain.text import TokenUsage

OPERATIONS: Final[Mapping[str, str]] = {
    "chat_completions": "chat",
    "responses": "chat",
    "messages": "chat",
    "submit": "generate_content",
}
"""`gen_ai.operation.name` by our own word. Polling and counting tokens generate nothing and have none."""

OUR_FAULTS: Final = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""gRPC codes that the conventions count as errors of a server; all others are its caller's."""


def usage(tokens: TokenUsage | None) -> Mapping[str, int]:
    """What a call cost; what is not known is left out."""
    if tokens is None:
        return {}
    told = {
        "gen_ai.usage.input_tokens": tokens.prompt_tokens,
        "gen_ai.usage.output_tokens": tokens.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": tokens.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": tokens.reasoning_tokens,
    }
    return {name: count for name, count in told.items() if count is not None}
