"""Only what needs no change and no second thought may go past the core."""

from services.catalog.catalog import Catalog
from services.catalog.natives import Native, natives

ALIASES = {"fast": "gpt-5-mini", "clever": "claude-opus-4-7"}


def found() -> dict[str, Native]:
    return {each.endpoint: each for each in natives(Catalog(ALIASES), ALIASES)}


def test_chat_takes_models_that_speak_it_and_names_that_nobody_knows() -> None:
    chat = found()["/v1/chat/completions"]
    assert {"gpt-5", "gpt-5-mini", "deepseek-v4-pro"} <= set(chat.names)
    assert chat.unknown
    assert {"claude-opus-4-7", "openai/gpt-5.5", "wan2.6-t2i", *ALIASES} <= set(chat.refused)
    assert not set(chat.names) & set(chat.refused)


def test_the_other_dialects_take_known_models_only() -> None:
    messages, responses = found()["/v1/messages"], found()["/v1/responses"]
    assert messages.names == ("claude-haiku-4-5", "claude-opus-4-7", "claude-sonnet-4-6")
    assert responses.names == ("gpt-5",)
    assert (messages.unknown, responses.unknown) == (False, False)
    assert responses.path == "/vendors/openai/v1/responses"


def test_an_alias_goes_nowhere_by_itself_even_where_it_is_of_a_model_that_passes() -> None:
    for each in found().values():
        assert set(ALIASES) <= set(each.refused)
