"""The OpenAPI document: the route table and what Envoy carries past it, with what the schemas say of each. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from starlette.routing import Route

from edge.exchange import Endpoint, Resource
from edge.schemas.operations import COMPONENTS, JSON, OPERATIONS, Content, Operation
from edge.schemas.transcoded import TRANSCODED

_CONVERTER: Final = re.compile(r":[a-z]+\}")
_IN_PATH: Final = re.compile(r"\{(\w+)\}")
_ABOUT: Final = (
    "MuleRun's models in the dialects of OpenAI and Anthropic. Point an SDK's base URL at `/v1` of this gateway."
    " A field that is null counts as absent. Every answer has an `x-request-id`, and one of a job an `x-cli2api-job-id`."
)


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the routes, and of what Envoy serves beside them.

    A route that the schemas do not know is told in the words of its endpoint.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _CONVERTER.sub("}", route.path)
        for method, endpoint in _endpoints(route).items():
            told = _operation(OPERATIONS.get((method, path)) or _plain(endpoint), _IN_PATH.findall(path))
            paths.setdefault(path, {})[method.lower()] = {"operationId": _name(method, path), **told}
    for (method, path), operation in TRANSCODED.items():
        paths.setdefault(path, {})[method.lower()] = {"operationId": _name(method, path), **_operation(operation, [])}
    return {
        "openapi": "3.1.0",
        "info": {"title": "cli2api", "version": version, "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"key": []}],
        "tags": [{"name": tag} for tag in _tags(paths)],
        "paths": paths,
        "components": {
            "schemas": COMPONENTS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _tags(paths: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """In the order of the schemas, which is that of a reader."""
    used = {tag for methods in paths.values() for operation in methods.values() for tag in operation["tags"]}
    known = list(dict.fromkeys(operation.tag for operation in OPERATIONS.values()))
    return [tag for tag in [*known, *sorted(used - set(known))] if tag in used]


def _endpoints(route: Route) -> dict[str, Endpoint]:
    resource = route.endpoint
    if not isinstance(resource, Resource):
        raise TypeError(f"{route.path} is no Resource, so its methods are not known")
    return {method: endpoint for method, endpoint in resource.endpoints.items() if method != "HEAD"}


def _plain(endpoint: Endpoint) -> Operation:
    summary = (endpoint.__doc__ or "").partition("\n")[0]
    return Operation(tag="More", summary=summary, answer={JSON: {"type": "object"}})


def _operation(operation: Operation, in_path: list[str]) -> dict[str, Any]:
    parameters: list[Mapping[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in in_path
    ]
    parameters += operation.query
    if operation.paid:
        about = "The same key and request give the same job and are paid once."
        parameters.append(_header("Idempotency-Key", about, {"type": "string", "maxLength": 255}))
    responses = {"200": {"description": "As asked.", "content": _content(operation.answer)}}
    if operation.ranges:
        parameters.append(_header("Range", "As in bytes=0-1023.", {"type": "string"}))
        responses["206"] = {"description": "The range.", "content": _content(operation.answer)}
    failed = {JSON: {"$ref": f"#/components/schemas/{operation.error}"}}
    responses["default"] = {"description": "What is wrong, and how to mend it.", "content": _content(failed)}
    told: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters,
        "responses": responses,
    }
    if operation.body:
        told["requestBody"] = {"required": True, "content": _content(operation.body)}
    if not operation.needs_key:
        told["security"] = []
    return told


def _header(name: str, about: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": about, "schema": schema}


def _content(content: Content) -> dict[str, Any]:
    return {media_type: {"schema": schema} for media_type, schema in content.items()}


def _name(method: str, path: str) -> str:
    return "_".join([method.lower(), *re.findall(r"\w+", path)])
