"""What an operator may write about assets."""

import pytest

from services.settings import BadSetting, Settings


def read(**environ: str) -> Settings:
    return Settings.read({"HOME": "/home/mule", **environ})


def test_without_a_word_copies_are_kept_up_to_two_gigabytes_and_only_public_links_are_followed() -> None:
    settings = read()
    assert (settings.asset_store, settings.asset_max, settings.asset_allow_private) == ("", 2 << 30, False)


@pytest.mark.parametrize(("text", "size"), [("1KB", 1 << 10), ("512MB", 512 << 20), ("32GB", 32 << 30), ("5000", 5000)])
def test_the_cap_is_a_size(text: str, size: int) -> None:
    assert read(CLI2API_ASSET_MAX=text).asset_max == size


@pytest.mark.parametrize("text", ["33GB", "1023", "much", "-1", "0"])
def test_a_cap_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadSetting, match=r"CLI2API_ASSET_MAX is .*: takes a size from 1KB to 32GB"):
        read(CLI2API_ASSET_MAX=text)
