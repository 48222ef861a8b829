"""The values that change in place: keys, aliases, the credential."""

import aiohttp
import pytest

from services.catalog.catalog import Catalog
from services.credentials.discovery import Found
from services.credentials.keeper import Keeper
from services.domain.ports import Plane
from services.interceptors.auth import Keys
from tests.hosts import HastyClock


def test_keys_are_known_from_one_change_to_the_next() -> None:
    keys = Keys(["one"])
    assert keys.know("one")

    keys.change(["two", "three"])

    assert [keys.know(key) for key in ("one", "two", "three", "")] == [False, True, True, False]
    assert keys
    assert not Keys()


def test_aliases_change_whole_or_not_at_all() -> None:
    catalog = Catalog({"painter": "gpt-image-2"})

    with pytest.raises(ValueError, match="alias 'sora-2' would hide the model sora-2"):
        catalog.rename({"singer": "speech-2.8-turbo", "sora-2": "gpt-image-2"})
    painter = catalog.find("painter")
    assert painter is not None
    assert painter.id == "gpt-image-2"
    assert catalog.find("singer") is None

    catalog.rename({"singer": "speech-2.8-turbo"})
    assert catalog.find("painter") is None
    assert "painter" not in catalog.names_of(painter)


async def test_a_changed_credential_is_sent_from_the_next_call_on_and_the_refused_old_one_is_worth_another_try() -> None:
    async with (
        aiohttp.ClientSession() as session,
        Keeper(Found(source="env", token="muk-old"), session, "http://127.0.0.1:9", HastyClock()) as keeper,
    ):
        assert not keeper.change(Found(source="env", token="muk-old"))
        assert keeper.change(Found(source="file", token="muk-new", studio_token="muk-studio"))

        assert (await keeper.token(Plane.TEXT), await keeper.token(Plane.STUDIO)) == ("muk-new", "muk-studio")
        assert keeper.source == "file"
        assert await keeper.refused(Plane.TEXT, "muk-old")
