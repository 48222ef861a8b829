"""Models: OpenAI's list and Anthropic's, of the same catalog."""

import grpc
import httpx2
import jsonschema
from cli2api.v1 import catalog_pb2
from google.protobuf import timestamp_pb2

from tests.unit.edge.scripted import Core, fails

MODEL = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
    },
}


def _model(name: str, kind: catalog_pb2.ModelKind.ValueType, *aliases: str, parameters: str = "") -> catalog_pb2.Model:
    return catalog_pb2.Model(
        id=name,
        kind=kind,
        vendor="openai",
        create_time=timestamp_pb2.Timestamp(seconds=1_780_000_000),
        aliases=aliases,
        parameters_json=parameters,
    )


SORA = _model("sora-2", catalog_pb2.MODEL_KIND_VIDEO, "clip", parameters='{"type": "object", "properties": {"size": {}}}')
GPT = _model("openai/gpt-5.5", catalog_pb2.MODEL_KIND_TEXT)


async def test_the_list_has_models_and_their_aliases(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["ListModels"] = catalog_pb2.ListModelsResponse(models=[SORA, GPT])

    listed = (await http.get("/v1/models")).json()

    for entry in listed["data"]:
        jsonschema.validate(entry, MODEL)
    assert listed["object"] == "list"
    assert [(each["id"], each["kind"], each.get("alias_of")) for each in listed["data"]] == [
        ("sora-2", "video", None),
        ("clip", "video", "sora-2"),
        ("openai/gpt-5.5", "text", None),
    ]


async def test_an_id_with_a_slash_is_found_either_way_it_is_written(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetModel"] = catalog_pb2.GetModelResponse(model=GPT)
    for path in ("/v1/models/openai/gpt-5.5", "/v1/models/openai%2Fgpt-5.5"):
        answer = await http.get(path)
        assert answer.json()["id"] == "openai/gpt-5.5"
        assert core.last().id == "openai/gpt-5.5"


async def test_one_model_shows_what_it_takes(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetModel"] = catalog_pb2.GetModelResponse(model=SORA)

    shown = (await http.get("/v1/models/clip")).json()

    jsonschema.validate(shown, MODEL)
    assert (shown["id"], shown["alias_of"]) == ("clip", "sora-2")
    assert shown["parameters"] == {"type": "object", "properties": {"size": {}}}


async def test_an_unknown_model_is_404_with_the_cores_words(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["GetModel"] = fails(grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND", 'no model "sora"; did you mean sora-2?')

    answer = await http.get("/v1/models/sora")

    assert answer.status_code == 404
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("model_not_found", "model")
    assert "sora-2" in answer.json()["error"]["message"]


async def test_an_anthropic_caller_gets_anthropics_shape(core: Core, http: httpx2.AsyncClient) -> None:
    core.answers["ListModels"] = catalog_pb2.ListModelsResponse(models=[SORA])
    core.answers["GetModel"] = fails(grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND", "no such model")
    version = {"anthropic-version": "2026-10-21", "x-request-id": "req-1"}

    listed = (await http.get("/v1/models", headers=version)).json()
    missing = await http.get("/v1/models/x", headers=version)

    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == ("sora-2", "clip", False)
    assert listed["data"][0] == {
        "type": "model",
        "id": "sora-2",
        "display_name": "sora-2",
        "created_at": "2026-05-28T20:26:40Z",
        "lifecycle": "active",
    }
    assert missing.status_code == 404
    assert missing.json() == {
        "type": "error",
        "error": {"type": "not_found_error", "message": "no such model"},
        "request_id": "req-1",
    }
    assert missing.headers["request-id"] == "req-1"
