"""The methods of the contract that Envoy carries to the core by itself, as operations, so that the document has every path."""

from collections.abc import Mapping
from typing import Final

from edge.envoy.transcoder import Annotated, served
from edge.schemas import messages
from edge.schemas.operations import COMPONENTS, JSON, Operation

_TAG: Final = "Contract"
_SUMMARIES: Final[Mapping[str, str]] = {
    "Generate": "Answer a conversation, whatever dialect the model speaks upstream",
    "GenerateImages": "Make pictures; waits for them unless `background` is set",
    "EditImages": "Make pictures from pictures; waits for them unless `background` is set",
    "CreateVideo": "Begin a clip",
    "CreateMusic": "Begin a song",
    "ListModels": "List the models in pages",
    "QueryUsage": "Sum up calls and tokens",
    "GetGateway": "What runs here, and how to call it",
}
"""Of every method, by its name."""


def _operation(each: Annotated) -> Operation:
    asked, told = each.method.input_type, each.method.output_type
    summary = f"{_SUMMARIES[each.method.name]} (`{each.method.containing_service.name}.{each.method.name}`)"
    answer = {JSON: messages.answer(told, COMPONENTS)}
    if each.verb == "GET":
        return Operation(tag=_TAG, summary=summary, query=tuple(messages.parameters(asked)), answer=answer)
    return Operation(tag=_TAG, summary=summary, body={JSON: messages.question(asked, COMPONENTS, "model")}, answer=answer)


TRANSCODED: Final[Mapping[tuple[str, str], Operation]] = {(each.verb, each.path): _operation(each) for each in served()}
"""By method and path, none of which has a variable."""
