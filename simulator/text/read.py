"""What the three readers of bodies share: checks that name the parameter, and the text inside content."""

from typing import Any

from simulator.refusals import Refused
from simulator.text.reply import words_of
from simulator.wire import Body, Json


def refuse(param: str | None, message: str, *, status: int = 400, code: str | None = None) -> Refused:
    """A refusal in the path's dialect, to be raised."""
    return Refused(status, message, param=param, code=code)


def number(body: Body, key: str, low: float, high: float | None = None, *, whole: bool = False) -> None:
    """Raises Refused unless the member is absent, null or a number of this range."""
    value = body.get(key)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise refuse(key, f"Invalid type for '{key}': expected {'an integer' if whole else 'a number'}.")
    if value < low or (high is not None and value > high):
        limit = f"between {low:g} and {high:g}" if high is not None else f"at least {low:g}"
        raise refuse(key, f"Invalid value for '{key}': must be {limit}.")


def flag(body: Body, key: str) -> bool:
    """The member, which must be true, false, null or absent. Raises Refused."""
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise refuse(key, f"Invalid type for '{key}': expected a boolean.")
    return bool(value)


def objects(value: Any, param: str, *, least: int = 1) -> list[dict[str, Any]]:
    """The value, which must be a list of at least so many objects. Raises Refused."""
    if not isinstance(value, list) or len(value) < least or not all(isinstance(item, dict) for item in value):
        raise refuse(param, f"Invalid '{param}': expected a list of at least {least} object(s).")
    return value


def text_of(content: Any, param: str, kinds: tuple[str, ...]) -> str:
    """The words in a message's content: a string, or parts of these kinds. Raises Refused for any other part."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for index, part in enumerate(objects(content, param, least=0)):
        if part.get("type") not in kinds:
            raise refuse(
                f"{param}[{index}].type",
                f"Invalid value: {part.get('type')!r}. Supported values are: {', '.join(kinds)}.",
            )
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
    return "\n".join(texts)


def count_words(value: Json) -> int:
    """Words in every string of the value; pictures and other long runs count as one."""
    if isinstance(value, str):
        return len(words_of(value))
    if isinstance(value, list):
        return sum(map(count_words, value))
    if isinstance(value, dict):
        return sum(count_words(item) for key, item in value.items() if key not in {"role", "type"})
    return 0


def member(body: Body, key: str) -> dict[str, Any]:
    """The member, which must be an object, null or absent; empty unless it is one. Raises Refused."""
    value = body.get(key)
    if value is not None and not isinstance(value, dict):
        raise refuse(key, f"Invalid type for '{key}': expected an object.")
    return value or {}


def strings(body: Body, key: str) -> tuple[str, ...]:
    """The member, which must be a string, a list of strings, null or absent. Raises Refused."""
    value = body.get(key) or []
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise refuse(key, f"Invalid type for '{key}': expected text or a list of texts.")
    return tuple(values)


def names_of(tools: list[dict[str, Any]], param: str) -> None:
    """Raises Refused for a tool without a usable name."""
    for index, tool in enumerate(tools):
        if not isinstance(tool.get("name"), str) or not tool["name"]:
            raise refuse(f"{param}[{index}].name", f"Missing required parameter: '{param}[{index}].name'.")
