"""The text endpoints: who may use which model, whole answer or stream, in the dialect of the path."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from simulator.faults import without_magic
from simulator.refusals import Refused
from simulator.text import chat as chat_dialect
from simulator.text import messages as messages_dialect
from simulator.text import responses as responses_dialect
from simulator.text.read import flag
from simulator.text.reply import Ask, reply
from simulator.text.stream import stream
from simulator.wire import Body
from simulator.world import BODY, SEEN, WORLD


@dataclass(frozen=True, slots=True)
class _Called:
    """A request whose key and model were found good."""

    body: Body
    ask: Ask
    created: int
    streamed: bool


async def chat(request: web.Request) -> web.StreamResponse:
    """POST /v1/chat/completions, also below the vendor."""
    called = _open(request, request.app[WORLD].catalog.chat, chat_dialect.read)
    answer = reply(called.ask)
    if called.streamed:
        return await stream(request, chat_dialect.events(called.body, answer, called.created))
    return web.json_response(chat_dialect.whole(called.body, answer, called.created))


async def responses(request: web.Request) -> web.StreamResponse:
    """POST /vendors/openai/v1/responses."""
    world = request.app[WORLD]
    called = _open(request, world.catalog.responses, responses_dialect.read)
    answer, names = reply(called.ask), world.options.responses_usage
    if called.streamed:
        return await stream(request, responses_dialect.events(called.body, answer, called.created, names))
    return web.json_response(responses_dialect.whole(called.body, answer, called.created, names))


async def messages(request: web.Request) -> web.StreamResponse:
    """POST /v1/messages, also below the vendor."""
    _check_version(request)
    called = _open(request, request.app[WORLD].catalog.messages, messages_dialect.read, anthropic=True)
    answer = reply(called.ask)
    if called.streamed:
        return await stream(request, messages_dialect.events(called.body, answer))
    return web.json_response(messages_dialect.whole(called.body, answer))


async def count_tokens(request: web.Request) -> web.Response:
    """POST /v1/messages/count_tokens."""
    _check_version(request)

    def read(body: Body, seed: str) -> Ask:
        return messages_dialect.read(body, seed, counting=True)

    called = _open(request, request.app[WORLD].catalog.messages, read, anthropic=True)
    return web.json_response({"input_tokens": called.ask.words})


async def models(request: web.Request) -> web.Response:
    """GET /v1/models, also below the vendor: text models only."""
    world = request.app[WORLD]
    world.keys.check_text(request.headers, anthropic=False)
    served = sorted(world.catalog.chat | world.catalog.responses | world.catalog.messages | world.options.more_models)
    rows = [{"id": name, "object": "model", "created": 1_735_689_600, "owned_by": "mulerun"} for name in served]
    return web.json_response({"object": "list", "data": rows})


def _open(request: web.Request, served: frozenset[str], read: Callable[[Body, str], Ask], *, anthropic: bool = False) -> _Called:
    """Checks key, body and model, in this order. Raises Refused."""
    world = request.app[WORLD]
    key = world.keys.check_text(request.headers, anthropic=anthropic)
    body = request[BODY]
    if not body:
        raise Refused(400, "We could not parse the JSON body of your request: a JSON object was expected.")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Refused(400, "model: Field required" if anthropic else "you must provide a model parameter", param="model")
    if "[[sim:" in model:
        body = {**body, "model": (model := without_magic(model))}
    _check_model(request, model, served, key, anthropic=anthropic)
    streamed = flag(body, "stream")
    return _Called(body, read(body, request[SEEN].sha256), int(world.options.now()), streamed)


def _check_model(request: web.Request, model: str, served: frozenset[str], key: str, *, anthropic: bool) -> None:
    """Raises Refused for a model that is unknown, belongs elsewhere, or wants another key."""
    world = request.app[WORLD]
    catalog = world.catalog
    # Below /vendors the code plane answers, which takes the keys that open media too.
    wants_gateway_key = model in catalog.gateway_key and not request.path.startswith("/vendors/")
    known = model in catalog.chat | catalog.responses | catalog.messages
    refused = "/" in model or (known and model not in served) or (wants_gateway_key and not world.keys.opens_gateway(key))
    if refused and model not in world.options.more_models:
        raise Refused(400, f"Model '{model}' is not supported", param="model", code="model_not_supported")
    if model not in served | world.options.more_models:
        message = f"model: {model}" if anthropic else f"The model `{model}` does not exist or you do not have access to it."
        raise Refused(404, message, code="model_not_found")


def _check_version(request: web.Request) -> None:
    if "anthropic-version" not in request.headers:
        raise Refused(400, "anthropic-version: header is required")
