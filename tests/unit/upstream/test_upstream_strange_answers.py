"""However strange an upstream answers, a dialect reads it or names the failure."""

import contextlib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.domain.errors import Failure
from services.domain.model import Operation
from services.upstream.dialects.table import DIALECTS, dialect_of
from tests.conversations import read

ENVELOPE_KEYS = [
    "id",
    "model",
    "choices",
    "index",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "usage",
    "finish_reason",
    "type",
]
ITEM_KEYS = ["output", "response", "item", "output_index", "content_block", "error", "code", "text", "arguments", "stop_reason"]
KEYS = st.sampled_from([*ENVELOPE_KEYS, *ITEM_KEYS])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
MESSAGE_TYPES = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
]
RESPONSE_TYPES = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.completed",
    "response.failed",
]
TYPES = st.sampled_from(
    [*MESSAGE_TYPES, *RESPONSE_TYPES, "function_call", "tool_use", "input_json_delta", "reasoning", "message", "text"]
)
STRANGE = st.recursive(
    LEAVES | TYPES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=20
)
OBJECTS = st.dictionaries(KEYS, STRANGE, max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(DIALECTS)), OBJECTS)
def test_no_answer_however_strange_breaks_a_dialect(operation: Operation, reply: dict[str, Any]) -> None:
    with contextlib.suppress(Failure):
        assert dialect_of(operation).answer(reply).candidates


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(DIALECTS)), st.lists(st.tuples(TYPES, OBJECTS), max_size=6))
def test_no_stream_however_strange_breaks_a_dialect(operation: Operation, chunks: list[tuple[str, dict[str, Any]]]) -> None:
    with contextlib.suppress(Failure):
        read(operation, *({"type": kind, **chunk} for kind, chunk in chunks))
