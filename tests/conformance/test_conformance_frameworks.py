"""langchain-openai and pydantic-ai, which build upon OpenAI's API, over the real Envoy."""

from collections.abc import AsyncGenerator
from typing import Final

import openai
import pytest
import pytest_asyncio
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr
from pydantic_ai import Agent, ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.conformance.clients import Recipe
from tests.wire.house import KEY, House

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

MODEL: Final = "gpt-5-mini"


@pytest_asyncio.fixture(loop_scope="module", name="sdk")
async def _sdk(home: House) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{home.gateway.rest_url}/v1", api_key=KEY, max_retries=0, timeout=20) as sdk:
        yield sdk


def langchain(home: House, *, model: str = MODEL, responses: bool = False) -> ChatOpenAI:
    """LangChain's chat model, pointed at the house."""
    return ChatOpenAI(
        model=model,
        base_url=f"{home.gateway.rest_url}/v1",
        api_key=SecretStr(KEY),
        max_retries=0,
        timeout=20,
        use_responses_api=responses,
        stream_usage=True,
    )


@tool
def weather(city: str, days: int) -> str:
    """The weather of some days."""
    return f"{days} sunny days in {city}"


async def test_langchain_asks_and_is_answered(home: House) -> None:
    answer = await langchain(home).ainvoke("good morning")

    assert answer.text == "You said: good morning"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] == 6
    assert answer.response_metadata["finish_reason"] == "stop"


async def test_langchain_streams(home: House) -> None:
    whole: AIMessageChunk | None = None
    count = 0
    async for chunk in langchain(home).astream("piece by piece"):
        whole = chunk if whole is None else whole + chunk
        count += 1

    assert whole is not None
    assert whole.text == "You said: piece by piece"
    assert count > 3
    assert whole.usage_metadata is not None


async def test_langchain_calls_a_tool_and_tells_its_answer(home: House) -> None:
    model = langchain(home).bind_tools([weather])
    question = HumanMessage('call weather {"city": "Lisbon", "days": 3}')
    asked = await model.ainvoke([question])
    [call] = asked.tool_calls
    told = await model.ainvoke([question, asked, ToolMessage(await weather.ainvoke(call["args"]), tool_call_id=call["id"])])

    assert (call["name"], call["args"]) == ("weather", {"city": "Lisbon", "days": 3})
    assert told.text == "The tool said: 3 sunny days in Lisbon"


async def test_langchain_gets_a_structured_answer(home: House) -> None:
    answer = await langchain(home).with_structured_output(Recipe).ainvoke("a recipe")

    assert answer == Recipe(title="title", steps=["steps"])


async def test_langchain_speaks_responses(home: House) -> None:
    model = langchain(home, model="openai/gpt-5.5", responses=True)
    whole = await model.ainvoke("good morning")
    streamed = "".join([chunk.text async for chunk in model.astream("good morning")])

    assert whole.text == streamed == "You said: good morning"


async def test_pydantic_ai_asks_and_is_answered(sdk: openai.AsyncOpenAI) -> None:
    agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=sdk)), instructions="Be brief.")
    answer = await agent.run("good morning")

    assert answer.output == "You said: good morning"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4, 4)


async def test_pydantic_ai_streams(sdk: openai.AsyncOpenAI) -> None:
    agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=sdk)))
    async with agent.run_stream("piece by piece") as stream:
        pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]

    assert "".join(pieces) == "You said: piece by piece"
    assert len(pieces) > 3


async def test_pydantic_ai_runs_the_tools_that_the_model_calls(sdk: openai.AsyncOpenAI) -> None:
    agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=sdk)))
    heard: list[tuple[str, int]] = []

    @agent.tool_plain
    def forecast(city: str, days: int) -> str:
        heard.append((city, days))
        return f"{days} sunny days in {city}"

    answer = await agent.run('call forecast {"city": "Lisbon", "days": 3} and forecast {"city": "Oslo", "days": 1}')

    assert sorted(heard) == [("Lisbon", 3), ("Oslo", 1)]  # it runs them at once, each in a thread
    assert answer.output == "The tool said: 3 sunny days in Lisbon / 1 sunny days in Oslo"


async def test_pydantic_ai_gets_a_structured_answer(sdk: openai.AsyncOpenAI) -> None:
    agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=sdk)), output_type=Recipe)

    assert (await agent.run("a recipe")).output == Recipe(title="title", steps=["steps"])


async def test_pydantic_ai_speaks_responses(sdk: openai.AsyncOpenAI) -> None:
    agent = Agent(OpenAIResponsesModel("openai/gpt-5.5", provider=OpenAIProvider(openai_client=sdk)))

    assert (await agent.run("good morning")).output == "You said: good morning"


async def test_pydantic_ai_hears_the_status_of_a_refusal(sdk: openai.AsyncOpenAI) -> None:
    agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=sdk)))
    with pytest.raises(ModelHTTPError) as refused:
        await agent.run('x [[sim:{"status":429}]]')

    assert refused.value.status_code == 429
