"""UsageService of a real core: spans, groups and what is refused."""

from pathlib import Path

import grpc
import pytest
from cli2api.v1.text_pb2 import RELAY_OPERATION_MESSAGES, ROLE_USER, Message, Part, RelayRequest, StreamGenerateRequest
from cli2api.v1.usage_pb2 import USAGE_GROUP_DAY, QueryUsageRequest, UsageRow
from google.protobuf.timestamp_pb2 import Timestamp

from services.parts import CannotStart
from tests.core import World, everything, fails, world

CHAT = StreamGenerateRequest(model="gpt-5", messages=[Message(role=ROLE_USER, parts=[Part(text="hello you")])])


async def rows(here: World, **fields: object) -> list[UsageRow]:
    answer = await here.usage.QueryUsage(QueryUsageRequest(**fields))  # type: ignore[arg-type]
    return list(answer.rows)


async def test_without_a_span_it_is_the_last_day_to_the_end_of_this_second(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        answer = await here.usage.QueryUsage(QueryUsageRequest())
        now = here.core.parts.clock.now()
    assert answer.to_time.nanos == answer.from_time.nanos == 0
    assert now - 5 < answer.to_time.seconds <= now + 1
    assert answer.to_time.seconds - answer.from_time.seconds == 24 * 3600
    assert answer.totals == UsageRow()


async def test_a_typed_stream_and_a_relayed_message_are_counted_with_their_tokens(tmp_path: Path) -> None:
    body = b'{"model":"claude-opus-4-7","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hello you"}]}'
    async with world(tmp_path) as here:
        told = (await everything(here.text.StreamGenerate(CHAT)))[-1].usage
        relayed = RelayRequest(operation=RELAY_OPERATION_MESSAGES, model="claude-opus-4-7", body=body)
        sent = sum(len(piece.chunk) for piece in await everything(here.text.Relay(relayed)))
        (chat,) = await rows(here, endpoint="/cli2api.v1.TextService/StreamGenerate")
        (message,) = await rows(here, endpoint="/cli2api.v1.TextService/Relay")
        (day,) = await rows(here, group_by=USAGE_GROUP_DAY)
    assert (chat.bucket, chat.calls, chat.errors) == ("gpt-5", 1, 0)
    assert (chat.prompt_tokens, chat.completion_tokens) == (told.prompt_tokens, told.completion_tokens)
    assert (message.calls, message.bytes_out) == (1, sent)
    assert message.prompt_tokens == chat.prompt_tokens
    assert message.completion_tokens == chat.completion_tokens
    assert (day.calls, day.prompt_tokens) == (2, 2 * chat.prompt_tokens)


async def test_an_alias_asks_for_its_model(tmp_path: Path) -> None:
    async with world(tmp_path, CLI2API_MODEL_ALIASES="best=gpt-5") as here:
        await everything(here.text.StreamGenerate(StreamGenerateRequest(model="best", messages=CHAT.messages)))
        assert [row.bucket for row in await rows(here, model="best")] == ["gpt-5"]
        assert [row.bucket for row in await rows(here, model="gpt-5")] == ["gpt-5"]
        assert await rows(here, model="gpt-4.1") == []


async def test_a_span_that_ends_before_it_begins_and_an_unknown_group_are_named(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        span = QueryUsageRequest(from_time=Timestamp(seconds=2), to_time=Timestamp(seconds=2))
        told = await fails(here.usage.QueryUsage(span))
        group = await fails(here.usage.QueryUsage(QueryUsageRequest(group_by=99)))  # type: ignore[arg-type]
    assert (told.code, told.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert told.message.startswith("from_time: has to be before the end of the span")
    assert group.message.startswith("group_by: is 99")


async def test_a_core_whose_records_have_no_place_does_not_start_and_says_which_setting(tmp_path: Path) -> None:
    for dsn, says in (("postgresql://u:hidden@db/x", "CLI2API_USAGE_DSN: the usage store"), (str(tmp_path), "is a folder")):
        with pytest.raises(CannotStart, match=says) as caught:
            async with world(tmp_path, CLI2API_USAGE_DSN=dsn):
                raise AssertionError("it started")
        assert "hidden" not in str(caught.value)
