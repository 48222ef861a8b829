"""What the gateway says of itself: as complete as its routes, and true to what it reads and answers."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx2
import jsonschema
import pytest
import schemathesis
from cli2api.v1 import job_pb2, media_pb2
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from edge.app import App
from edge.backend import Backend
from edge.dialects import audio, contract, images, music, videos
from edge.envoy.transcoder import served
from edge.exchange import Resource
from edge.schemas.operations import OPERATIONS
from edge.schemas.transcoded import TRANSCODED
from edge.settings import Settings
from tests.unit.edge.scripted import Core, a_job, a_made_job


@pytest.fixture
async def document(http: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await http.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


def _fits(document: dict[str, Any], name: str, value: object) -> None:
    registry: Any = Registry().with_resource("urn:doc", DRAFT202012.create_resource(document))
    schema = {"$ref": f"urn:doc#/components/schemas/{name}"}
    jsonschema.Draft202012Validator(schema, registry=registry).validate(value)


@pytest.fixture
async def routes() -> set[tuple[str, str]]:
    settings = Settings.read({"CLI2API_EDGE_LISTEN": "127.0.0.1:0", "CLI2API_CORE_TARGET": "127.0.0.1:1", "HOME": "/nowhere"})
    async with Backend(settings.core_target, max_body=settings.max_body) as backend:
        return {
            (method, route.path.replace(":path}", "}"))
            for route in App(backend, settings).routes
            if isinstance(route.endpoint, Resource)
            for method in route.endpoint.endpoints
            if method != "HEAD"
        }


async def test_every_route_is_described_and_nothing_else(routes: set[tuple[str, str]]) -> None:
    assert set(OPERATIONS) == routes


async def test_the_document_is_the_route_table_and_what_envoy_carries_past_it(
    document: dict[str, Any], routes: set[tuple[str, str]]
) -> None:
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}

    assert document["openapi"] == "3.1.0"
    assert told == routes | {(each.verb, each.path) for each in served()}
    assert not routes & set(TRANSCODED)


async def test_a_tool_can_load_every_operation(document: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(document)
    schema.validate()
    assert [type(found).__name__ for found in schema.get_all_operations()] == ["Ok"] * len({**OPERATIONS, **TRANSCODED})


async def test_every_schema_is_a_json_schema_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema, name
    named = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(document)))
    assert named <= set(document["components"]["schemas"])


async def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("state", job_pb2.JobState.values()[1:])
async def test_jobs_of_every_state_fit_their_schemas(document: dict[str, Any], state: Any) -> None:
    job = a_job(state=state)
    _fits(document, "Video", videos.video(job))
    _fits(document, "Music", music.music(job))
    _fits(document, "Job", contract.shown(job))
    _fits(document, "Job", contract.shown(a_made_job()))


@pytest.mark.parametrize("table", [images.GENERATION, images.EDIT, audio.SPEECH, videos.CREATION, videos.REMIX, music.CREATION])
def test_the_schema_of_a_body_and_its_reading_have_the_same_fields(table: Any) -> None:
    schema = table.schema()

    assert {field.name for field in table.fields} <= set(schema["properties"])
    for field in table.fields:
        if field.to is not None:
            assert (field.to or field.name) in table.request.DESCRIPTOR.fields_by_name


async def test_neither_needs_a_key_or_a_core(core: Core, http: httpx2.AsyncClient, document: dict[str, Any]) -> None:
    for path in ("/openapi.json", "/docs", "/healthz"):
        assert document["paths"][path]["get"]["security"] == []
    assert (await http.get("/docs")).status_code == 200
    assert not core.requests


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.links += [link for link in (given.get("href"), given.get("src")) if link]


async def test_the_page_shows_every_operation_and_needs_nothing_from_elsewhere(
    http: httpx2.AsyncClient, document: dict[str, Any]
) -> None:
    answer = await http.get("/docs")
    page = _Page()
    page.feed(answer.text)

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    names = {operation["operationId"] for methods in document["paths"].values() for operation in methods.values()}
    assert names <= page.ids
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= page.ids
    assert [link for link in page.links if not link.startswith("#")] == ["/openapi.json"]
    assert not page.tags & {"script", "link", "img", "iframe"}
    assert "prefers-color-scheme: dark" in answer.text


async def test_pictures_fit_their_schema(document: dict[str, Any]) -> None:
    job = a_made_job("https://a.example/1")
    _fits(document, "Images", images.answer(job, media_pb2.GenerateImagesRequest(size="1024x1024"), []))
    _fits(document, "Images", images.answer(job, media_pb2.EditImagesRequest(), ["AA=="]))
