"""What the SDKs ask in the tests of the dialects, and which model speaks what."""

from typing import Any

from pydantic import BaseModel

from tests.wire.house import House

NATIVE = "openai/gpt-5.5"
CHAT_ONLY = "gpt-5-mini"
CLAUDE = "claude-sonnet-4-6"
RESPONSES_ONLY = "openai/gpt-5.3-codex"
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Oslo"]}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
CHAT_TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in ("get_weather", "get_news")
]
RESPONSES_TOOLS: Any = [
    {"type": "function", "name": name, "parameters": PARAMETERS, "strict": False} for name in ("get_weather", "get_news")
]
BOTH = 'please call get_weather {"city": "Oslo"} and get_news {"city": "Bergen"}'
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Weather(BaseModel):
    city: str
    degrees: int


def upstream(home: House) -> tuple[str, Any]:
    """Where the last call went, and its body."""
    seen = home.simulator.requests[-1]
    return seen.path, seen.json
