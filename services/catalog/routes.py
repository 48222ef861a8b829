"""Decides where a text call goes upstream. Pure."""

from collections.abc import Mapping
from typing import Final

from services.domain.errors import ModelUnresolved, Unsupported
from services.domain.model import Model, Operation, Route

OPENAI_PREFIX: Final = "openai/"

ENDPOINTS: Final[Mapping[Operation, str]] = {
    Operation.CHAT_COMPLETIONS: "/v1/chat/completions",
    Operation.RESPONSES: "/v1/responses",
    Operation.MESSAGES: "/v1/messages",
    Operation.COUNT_TOKENS: "/v1/messages/count_tokens",
}
"""Where this gateway serves each operation."""

PLAIN: Final[Mapping[Operation, str]] = {
    Operation.CHAT_COMPLETIONS: "/v1/chat/completions",
    Operation.RESPONSES: "/vendors/openai/v1/responses",
    Operation.MESSAGES: "/v1/messages",
    Operation.COUNT_TOKENS: "/v1/messages/count_tokens",
}
"""Where MuleRun serves names without a prefix."""

_VENDOR: Final[Mapping[Operation, str]] = {
    Operation.CHAT_COMPLETIONS: "/vendors/openai/v1/chat/completions",
    Operation.RESPONSES: "/vendors/openai/v1/responses",
}
"""Where MuleRun serves names with the prefix openai/, which it takes without it."""


def paths_of_row(row: Model) -> Mapping[Operation, str]:
    """Upstream path by operation of a text row, in its order of preference."""
    paths: dict[Operation, str] = {}
    for path in row.paths:
        if path.endswith("/chat/completions"):
            paths[Operation.CHAT_COMPLETIONS] = path
        elif path.endswith("/responses"):
            paths[Operation.RESPONSES] = path
        else:
            paths |= {Operation.MESSAGES: path, Operation.COUNT_TOKENS: f"{path}/count_tokens"}
    return paths


def paths_of_name(name: str) -> Mapping[Operation, str]:
    """Upstream path by operation of a name that no row has: the upstream decides whether it knows it.

    Raises ModelUnresolved for a vendor prefix other than openai/, which leads nowhere.
    """
    if name.startswith(OPENAI_PREFIX) and name != OPENAI_PREFIX:
        return _VENDOR
    if "/" in name or not name:
        raise ModelUnresolved(f"{name!r} resolves to no model: only openai/ is a vendor prefix; send the name without a prefix")
    return PLAIN


def upstream_name(name: str) -> str:
    """What the upstream calls a name that no row has."""
    return name.removeprefix(OPENAI_PREFIX)


def choose(name: str, upstream_model: str, paths: Mapping[Operation, str], operation: Operation) -> Route:
    """The route of one call. Raises Unsupported, naming what does serve the model, where `operation` does not."""
    if operation not in paths:
        others = " or ".join(f"POST {ENDPOINTS[other]}" for other in paths if other is not Operation.COUNT_TOKENS)
        raise Unsupported(f"{name} is not served by {ENDPOINTS[operation]}; use {others}")
    return Route(operation=operation, path=paths[operation], model=upstream_model)
