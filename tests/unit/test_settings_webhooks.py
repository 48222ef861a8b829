"""The settings of webhooks."""

import base64

import pytest

from services.settings import BadSetting, Settings

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()


def read(**given: str) -> Settings:
    return Settings.read({"HOME": "/", **given})


def complaint(**given: str) -> str:
    with pytest.raises(BadSetting) as failed:
        read(**given)
    return str(failed.value)


def test_by_default_nobody_is_told_and_nobody_heard() -> None:
    settings = read()
    assert (settings.notify_url, settings.notify_secrets, settings.webhook_secret.get_secret_value()) == ("", (), "")


def test_secrets_are_a_list_newest_first() -> None:
    settings = read(CLI2API_NOTIFY_URL="https://example.com/a?b=c/", CLI2API_NOTIFY_SECRETS=f"{SECRET}, {OTHER}")
    assert settings.notify_secrets == (b"s" * 32, b"o" * 24)
    assert settings.notify_url == "https://example.com/a?b=c/"


@pytest.mark.parametrize(
    "written", ["plain", "whsec_", "whsec_c2hvcnQ=", "whsec_*", SECRET.removeprefix("whsec_"), f"{SECRET},x", "whsec_ü"]
)
def test_a_secret_of_another_form_is_refused_without_being_shown(written: str) -> None:
    told = complaint(CLI2API_NOTIFY_URL="https://example.com", CLI2API_NOTIFY_SECRETS=written)
    takes = 'a comma list of "whsec_" and 24 to 64 bytes in base64, which `openssl rand -base64 32` makes'
    assert told == f"CLI2API_NOTIFY_SECRETS: takes {takes}"


@pytest.mark.parametrize(
    "url",
    ["example.com", "ftp://example.com", "https://", "https://me:pw@example.com", "https://a/#b", "https://a:0", "https://a b"],
)
def test_a_receiver_that_is_no_url_is_refused(url: str) -> None:
    told = complaint(CLI2API_NOTIFY_URL=url, CLI2API_NOTIFY_SECRETS=SECRET)
    assert told.endswith("takes a URL as in https://example.com/hooks, without user or password")


def test_a_receiver_without_a_secret_is_refused() -> None:
    assert complaint(CLI2API_NOTIFY_URL="https://example.com").startswith("CLI2API_NOTIFY_SECRETS is empty: ")


def test_http_is_for_those_who_say_that_the_receiver_is_their_own() -> None:
    given = {"CLI2API_NOTIFY_URL": "http://hooks.internal", "CLI2API_NOTIFY_SECRETS": SECRET}
    assert "takes https, or set CLI2API_NOTIFY_ALLOW_PRIVATE=1" in complaint(**given)
    assert read(**given, CLI2API_NOTIFY_ALLOW_PRIVATE="1").notify_url == "http://hooks.internal"
    assert "takes https" in complaint(**{**given, "CLI2API_NOTIFY_URL": "HTTP://hooks.internal"})


def test_secrets_are_not_shown() -> None:
    settings = read(
        CLI2API_NOTIFY_URL="https://example.com", CLI2API_NOTIFY_SECRETS=SECRET, CLI2API_WEBHOOK_SECRET="whsec_hidden+hidden"
    )
    assert "hidden+hidden" not in repr(settings)
    assert repr(b"s" * 32) not in repr(settings)


@pytest.mark.parametrize("written", ["foo", "whsec_", "whsec_short", f"{SECRET}, {OTHER}", "whsec_not base64", "whsec_üüüüüüüü"])
def test_a_secret_that_is_none_of_muleruns_is_refused_without_being_shown(written: str) -> None:
    takes = 'the secret as MuleRun shows it: "whsec_" and at least 8 letters, digits and signs of base64'
    assert complaint(CLI2API_WEBHOOK_SECRET=written) == f"CLI2API_WEBHOOK_SECRET: takes {takes}"


@pytest.mark.parametrize("written", [SECRET, "whsec_c2VjcmV0", "whsec_0123abcdef-_"])
def test_a_secret_of_muleruns_is_kept_as_it_is_written(written: str) -> None:
    assert read(CLI2API_WEBHOOK_SECRET=written).webhook_secret.get_secret_value() == written
