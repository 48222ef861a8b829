"""The JSON Schema of a model's parameters, and that every shaped body fits it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from services.catalog.catalog import Catalog
from services.catalog.fields import TYPED
from services.catalog.rows import ROWS
from services.catalog.schema import parameters
from services.catalog.shape import shape
from services.domain.errors import InvalidRequest
from services.domain.model import Json, Model, ModelKind, Param, ParamType

MEDIA = [model for model in ROWS if model.kind is not ModelKind.TEXT]


def schema_of(catalog: Catalog, name: str) -> dict[str, Any]:
    model = catalog.find(name)
    assert model is not None
    return dict(parameters(model))


@pytest.mark.parametrize("model", ROWS, ids=lambda model: model.id)
def test_every_schema_is_a_valid_schema(model: Model) -> None:
    Draft202012Validator.check_schema(parameters(model))


def test_bounds_and_conditions_are_told(catalog: Catalog) -> None:
    schema = schema_of(catalog, "veo-3.1")
    assert schema["required"] == ["prompt"]
    assert schema["properties"]["duration"] == {
        "description": "Clip length in seconds.",
        "type": "integer",
        "enum": [4, 6, 8],
        "default": 8,
    }
    assert schema["properties"]["reference_images"] == {
        "description": "Pictures that guide content or style. Condition: Veo 3.1 only; needs duration 8.",
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "maxItems": 3,
    }


def test_dotted_names_are_nested_objects(catalog: Catalog) -> None:
    schema = schema_of(catalog, "speech-2.8-hd")
    assert schema["required"] == ["prompt", "voice_setting", "output_format"]
    voice = schema["properties"]["voice_setting"]
    assert voice["required"] == ["voice_id"]
    assert voice["properties"]["speed"]["minimum"] == 0.5
    assert schema["properties"]["output_format"]["const"] == "url"


def test_choices_of_a_list_are_choices_of_its_items(catalog: Catalog) -> None:
    roles = schema_of(catalog, "wan2.1-vace-plus")["properties"]["obj_or_bg"]
    assert roles["items"] == {"type": "string", "enum": ["obj", "bg"]}


def test_only_a_strict_model_closes_its_schema(catalog: Catalog) -> None:
    assert schema_of(catalog, "kling-v3-omni-reference-video-to-video")["additionalProperties"] is False
    assert schema_of(catalog, "veo")["additionalProperties"] is True


def plausible(model: Model) -> st.SearchStrategy[Any]:
    """Values that the model's own parameters allow, near misses of them, and anything else that JSON can hold."""
    allowed: list[Json] = [word for param in model.params for word in param.enum]
    allowed += [bound for param in model.params for bound in (param.minimum, param.maximum) if bound is not None]
    words = ["", "a cat on a mat", "https://files.example/cat.png", "1280x720", "720p", "auto", "8", "alloy"]
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    anything = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
    likely = st.sampled_from([*words, *allowed])
    return st.one_of(likely, st.lists(likely, max_size=4), anything)


def keys(model: Model) -> st.SearchStrategy[str]:
    """Every name by which the model's parameters can be set in extra, and others."""
    names = [name for param in model.params for name in (param.name, param.name.partition(".")[0], *param.sources)]
    return st.sampled_from(names) | st.text(max_size=8)


def fitting(param: Param) -> st.SearchStrategy[Any]:
    """Values within the parameter's own bounds."""
    if param.enum:
        word = st.sampled_from(param.enum)
        return st.lists(word, min_size=1, max_size=param.max_items) if param.type is ParamType.STRINGS else word
    match param.type:
        case ParamType.STRING:
            least = max(1, param.min_length or 0)
            return st.text("ab", min_size=least, max_size=least + 3) | st.sampled_from(["https://files.example/1", "960x960"])
        case ParamType.INTEGER:
            return st.integers(int(param.minimum or 0), int(param.maximum or 1000))
        case ParamType.NUMBER:
            return st.floats(param.minimum, param.maximum)
        case ParamType.BOOLEAN:
            return st.booleans()
        case ParamType.STRINGS:
            return st.lists(st.sampled_from(["https://files.example/1", "https://files.example/2"]), min_size=1, max_size=2)
        case ParamType.OBJECTS:
            return st.just([{"type": "image", "prompt": "a cat", "duration": 5}])
        case ParamType.OBJECT:
            return st.just({"type": "simple"})


def gives_what_fits_or_refuses(model: Model, wish: Mapping[str, Json], extra: Mapping[str, Json]) -> None:
    try:
        made = shape(model, wish, extra)
    except InvalidRequest:
        return
    Draft202012Validator(parameters(model)).validate(made)
    assert json.loads(json.dumps(made, allow_nan=False)) == made


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.data(), model=st.sampled_from(MEDIA))
def test_whatever_is_asked_is_refused_or_gives_a_body_that_fits(drawn: st.DataObject, model: Model) -> None:
    values = plausible(model)
    wish = drawn.draw(st.dictionaries(st.sampled_from(TYPED[model.kind]), values, max_size=6))
    extra = drawn.draw(st.dictionaries(keys(model), values, max_size=4))
    gives_what_fits_or_refuses(model, wish, extra)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.data(), model=st.sampled_from(MEDIA))
def test_what_the_parameters_allow_is_refused_or_gives_a_body_that_fits(drawn: st.DataObject, model: Model) -> None:
    required = {param.name: fitting(param) for param in model.params if param.required and param.const is None}
    optional = {param.name: fitting(param) for param in model.params if not param.required}
    extra = drawn.draw(st.fixed_dictionaries(required, optional=optional))
    gives_what_fits_or_refuses(model, {}, extra)
