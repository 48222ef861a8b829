"""The synchronous SDKs and Anthropic's, pointed at a house as their users do it: with a base URL and a key."""

from typing import Final

import anthropic
import openai
from pydantic import BaseModel

from tests.wire.house import KEY, House

WEATHER: Final = {
    "type": "object",
    "properties": {"city": {"type": "string", "examples": ["Lisbon"]}, "days": {"type": "integer", "examples": [3]}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
"""The arguments of a tool; the simulator calls it with the examples."""
CLOCK: Final = {
    "type": "object",
    "properties": {"zone": {"type": "string", "examples": ["UTC"]}},
    "required": ["zone"],
    "additionalProperties": False,
}


class Recipe(BaseModel):
    """A structured answer; the simulator gives each text the name of its field."""

    title: str
    steps: list[str]


def openai_sync(home: House) -> openai.OpenAI:
    """Close it, or use it as a context manager, in the thread that uses it."""
    return openai.OpenAI(base_url=f"{home.gateway.rest_url}/v1", api_key=KEY, max_retries=0, timeout=20)


def claude(home: House, *, max_retries: int = 0) -> anthropic.AsyncAnthropic:
    """Use it as a context manager."""
    return anthropic.AsyncAnthropic(base_url=home.gateway.rest_url, api_key=KEY, max_retries=max_retries, timeout=20)


def claude_sync(home: House) -> anthropic.Anthropic:
    """Close it, or use it as a context manager, in the thread that uses it."""
    return anthropic.Anthropic(base_url=home.gateway.rest_url, api_key=KEY, max_retries=0, timeout=20)
