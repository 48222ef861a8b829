from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from simulator.refusals import Refused
from simulator.text import chat, messages, responses
from simulator.text.reply import reply
from simulator.text.sample import sample

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(["user", "tool", "text", "function", "enabled"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "name", "function", "tool_calls", "schema"]), inner)
    ),
    max_leaves=8,
)
_KEYS = [
    *("messages", "input", "tools", "tool_choice", "response_format", "stop", "thinking", "text", "reasoning", "include"),
    *("max_tokens", "stream_options", "output_config", "stop_sequences", "n", "previous_response_id"),
]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=4))
def test_any_body_is_answered_or_refused(body: dict[str, Any]) -> None:
    body = {**body, "model": "gpt-5"}
    with suppress(Refused):
        assert chat.whole(body, reply(chat.read(body, "")), 0)["object"] == "chat.completion"
    with suppress(Refused):
        assert responses.whole(body, reply(responses.read(body, "")), 0, "openai")["object"] == "response"
    with suppress(Refused):
        assert messages.whole(body, reply(messages.read(body, "")))["type"] == "message"


@pytest.mark.parametrize(
    "schema",
    [
        WEATHER,
        {"type": "string", "minLength": 12},
        {"type": ["integer", "null"], "minimum": 7},
        {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        {"type": "array", "items": {"type": "number"}, "minItems": 2},
        {"const": 4},
    ],
)
def test_a_sample_fits_its_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(sample(schema))
