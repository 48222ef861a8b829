"""The rows themselves: their number, their order and their inner consistency."""

from collections import Counter

import pytest

from services.catalog.catalog import Catalog
from services.catalog.check import wrong
from services.catalog.rows import ROWS
from services.domain.model import Model, ModelKind, Param, ParamType

MEDIA = [model for model in ROWS if model.kind is not ModelKind.TEXT]
PARAMS = [pytest.param(param, id=f"{model.id}-{param.name}") for model in MEDIA for param in model.params]


def test_there_are_76_models_by_kind(catalog: Catalog) -> None:
    assert Counter(model.kind for model in catalog.models) == {
        ModelKind.IMAGE: 9,
        ModelKind.IMAGE_EDIT: 5,
        ModelKind.VIDEO: 43,
        ModelKind.SPEECH: 2,
        ModelKind.MUSIC: 2,
        ModelKind.TEXT: 15,
    }


def test_ids_are_unique() -> None:
    assert len({model.id for model in ROWS}) == len(ROWS)


def test_pictures_come_first_and_text_last() -> None:
    assert [ROWS[0].id, ROWS[9].id, ROWS[14].id, ROWS[-1].id] == [
        "gpt-image-2",
        "gpt-image-2-edit",
        "sora",
        "openai/gpt-5.3-codex",
    ]


@pytest.mark.parametrize("model", MEDIA, ids=lambda model: model.id)
def test_a_media_model_has_one_path_of_its_vendor(model: Model) -> None:
    (path,) = model.paths
    assert path.startswith(f"/vendors/{model.vendor}/v1/")


def test_only_these_models_share_a_path() -> None:
    counts = Counter(model.paths for model in MEDIA)
    shared = {model.id for model in MEDIA if counts[model.paths] > 1}
    assert shared == {"veo", "veo3", "wan2.5-i2i-preview", "wan2.5-i2i-preview-edit"}


@pytest.mark.parametrize("model", MEDIA, ids=lambda model: model.id)
def test_no_request_field_sets_two_parameters(model: Model) -> None:
    assert [source for source, times in Counter(s for param in model.params for s in param.sources).items() if times > 1] == []
    assert len({param.name for param in model.params}) == len(model.params)


@pytest.mark.parametrize("param", PARAMS)
def test_a_default_passes_its_own_check(param: Param) -> None:
    assert param.default is None or wrong(param, param.default, param.default) == ""


@pytest.mark.parametrize("param", PARAMS)
def test_what_is_always_sent_has_a_value_to_send(param: Param) -> None:
    assert not param.send_default or param.default is not None
    assert param.sources or param.const is not None


@pytest.mark.parametrize("param", PARAMS)
def test_words_stand_for_choices_of_the_right_type(param: Param) -> None:
    types = {ParamType.STRING: str, ParamType.INTEGER: int, ParamType.BOOLEAN: bool, ParamType.STRINGS: str}
    assert all(type(word) is types[param.type] for word in param.enum)


def test_strictness_is_known_of_one_model_only() -> None:
    assert [model.id for model in ROWS if model.strict] == ["kling-v3-omni-reference-video-to-video"]
