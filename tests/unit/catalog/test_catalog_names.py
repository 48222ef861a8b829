"""Finding models by their names, and what is said where there is none."""

import pytest

from services.catalog.catalog import Catalog
from services.domain.errors import ModelNotFound
from services.domain.model import ModelKind


def test_a_model_is_found_by_id_and_by_catalog_alias(catalog: Catalog) -> None:
    for name in ("veo", "google/veo3"):
        model = catalog.find(name)
        assert model is not None
        assert model.id == "veo"


def test_a_model_is_found_by_a_configured_alias() -> None:
    catalog = Catalog({"picture": "gpt-image-2"})
    assert catalog.media("picture", ModelKind.IMAGE).id == "gpt-image-2"
    assert catalog.names_of(catalog.media("gpt-image-2")) == ("openai/gpt-image-2/generation", "picture")


def test_a_configured_alias_may_lead_to_a_catalog_alias() -> None:
    catalog = Catalog({"clip": "google/veo3"})
    assert catalog.names_of(catalog.media("veo")) == ("google/veo3", "clip")


def test_an_unknown_name_is_not_found(catalog: Catalog) -> None:
    assert catalog.find("dall-e-3") is None


def test_an_alias_shared_by_two_models_means_the_one_of_the_kind(catalog: Catalog) -> None:
    assert catalog.media("alibaba/wan2.5-i2i-preview", ModelKind.IMAGE).id == "wan2.5-i2i-preview"


@pytest.mark.parametrize("name", ["wan2.6-image", "wan2.5-i2i-preview"])
def test_an_image_model_that_works_from_pictures_serves_edits_too(name: str, catalog: Catalog) -> None:
    assert catalog.media(name, ModelKind.IMAGE_EDIT).id == name


@pytest.mark.parametrize("name", ["gpt-image-2", "openai/gpt-image-2/generation", "picture"])
def test_an_image_model_s_name_means_on_edits_the_model_beside_it_that_edits(name: str) -> None:
    catalog = Catalog({"picture": "gpt-image-2"})
    assert catalog.media(name, ModelKind.IMAGE_EDIT).id == "gpt-image-2-edit"
    assert catalog.media(name, ModelKind.IMAGE).id == "gpt-image-2"


def test_an_unknown_name_of_whatever_kind_is_an_unknown_model(catalog: Catalog) -> None:
    with pytest.raises(ModelNotFound) as caught:
        catalog.media("nope", *ModelKind)
    assert caught.value.message == "unknown model: nope; GET /v1/models lists all"


def test_without_a_kind_any_media_model_will_do(catalog: Catalog) -> None:
    assert catalog.media("music-2.5").kind is ModelKind.MUSIC


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("dall-e-3", ModelKind.IMAGE, "unknown image model: dall-e-3; GET /v1/models lists all"),
        ("gpt-image-1", ModelKind.IMAGE, "unknown image model: gpt-image-1; the nearest are gpt-image-2"),
        (
            "kling-v3",
            ModelKind.VIDEO,
            "unknown video model: kling-v3; the nearest are "
            "kling-v3-text-to-video, kling-v3-image-to-video, kling-v3-omni-text-to-video",
        ),
        ("sora2", ModelKind.VIDEO, "unknown video model: sora2; the nearest are sora-2, sora, sora-2-pro"),
        ("gpt-5", ModelKind.VIDEO, "gpt-5 is of kind text: use POST /v1/chat/completions or TextService.Generate"),
        (
            "gpt-image-2-edit",
            ModelKind.IMAGE,
            "gpt-image-2-edit is of kind image editing: use POST /v1/images/edits or MediaService.EditImages; "
            "the nearest image models are gpt-image-2",
        ),
        (
            "wan2.6-t2i",
            ModelKind.IMAGE_EDIT,
            "wan2.6-t2i is of kind image: use POST /v1/images/generations or MediaService.GenerateImages; "
            "the nearest image editing models are wan2.6-image",
        ),
    ],
)
def test_an_unserved_model_is_refused_with_what_would_do(name: str, kind: ModelKind, message: str, catalog: Catalog) -> None:
    with pytest.raises(ModelNotFound) as caught:
        catalog.media(name, kind)
    assert caught.value.message == message


def test_an_alias_to_no_media_model_names_what_it_stands_for() -> None:
    with pytest.raises(ModelNotFound, match=r"unknown image model: pic \(an alias of dall-e-3\)"):
        Catalog({"pic": "dall-e-3"}).media("pic", ModelKind.IMAGE)


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ({"veo": "sora"}, "alias 'veo' would hide the model veo; choose another name"),
        ({"google/veo3": "sora"}, "alias 'google/veo3' would hide the model veo; choose another name"),
        ({"a": "b", "b": "veo"}, "alias 'a' leads to the alias 'b'; let it lead to 'veo' itself"),
        ({"": "veo"}, "both names must be there, as in alias=model"),
        ({"a": ""}, "both names must be there, as in alias=model"),
    ],
)
def test_an_alias_that_cannot_work_is_refused_at_the_start(aliases: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Catalog(aliases)
