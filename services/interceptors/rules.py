"""What a field of a request takes, wherever the field alone can tell: checked before a servicer sees the request.

Laws: every broken rule of a request is named at once, by the field's path; and a method without rules pays nothing for them.
What needs the catalog, or another field, is the servicer's to say. docs/decisions/0010 tells why this is a table of ours.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message

from services.domain.errors import InvalidRequest, Violation
from services.interceptors.shapes import Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Whatever is None is not asked for."""

    required: bool = False
    lowest: int | None = None
    highest: int | None = None
    longest: int | None = None
    """Characters of a text, bytes of bytes, or entries of a list."""


_ID: Final = Rule(required=True, longest=128)
_NAME: Final = Rule(longest=256)
_NOT_NEGATIVE: Final = Rule(lowest=0)
_TOKEN: Final = Rule(longest=1024)
_FILTER: Final = Rule(longest=32)

RULES: Final[Mapping[str, Rule]] = {
    "GetJobRequest.id": _ID,
    "WatchJobRequest.id": _ID,
    "WatchJobRequest.after_revision": _NOT_NEGATIVE,
    "WaitJobRequest.id": _ID,
    "WaitJobRequest.timeout": _NOT_NEGATIVE,
    "DeleteJobRequest.id": _ID,
    "RedeliverJobRequest.id": _ID,
    "DownloadAssetRequest.id": _ID,
    "DownloadAssetRequest.index": _NOT_NEGATIVE,
    "DownloadAssetRequest.offset": _NOT_NEGATIVE,
    "DownloadAssetRequest.limit": _NOT_NEGATIVE,
    "ListJobsRequest.page_size": Rule(lowest=0, highest=100),
    "ListJobsRequest.page_token": _TOKEN,
    "ListJobsRequest.kinds": _FILTER,
    "ListJobsRequest.states": _FILTER,
    "ListJobsRequest.model": _NAME,
    "ListJobsRequest.after_id": Rule(longest=128),
    "ListModelsRequest.page_size": Rule(lowest=0, highest=1000),
    "ListModelsRequest.page_token": _TOKEN,
    "ListModelsRequest.kinds": _FILTER,
    "GetModelRequest.id": Rule(required=True, longest=256),
    "QueryUsageRequest.model": _NAME,
    "QueryUsageRequest.endpoint": _NAME,
    "GenerateRequest.model": _NAME,
    "StreamGenerateRequest.model": _NAME,
    "GenerateImagesRequest.model": _NAME,
    "EditImagesRequest.model": _NAME,
    "SynthesizeSpeechRequest.model": _NAME,
    "CreateVideoRequest.model": _NAME,
    "CreateVideoRequest.remix_of_id": Rule(longest=128),
    "CreateMusicRequest.model": _NAME,
}
"""By message of this contract and field. Beside these, every length of time and moment has to be one that exists."""

_PACKAGE: Final = "cli2api.v1."
_LENGTH: Final = "google.protobuf.Duration"
_MOMENT: Final = "google.protobuf.Timestamp"
_TIMES: Final[Mapping[str, tuple[int, int, str]]] = {
    _LENGTH: (-315_576_000_000, 315_576_000_000, "is no length of time: takes at most 10000 years"),
    _MOMENT: (-62_135_596_800, 253_402_300_799, "is no moment: takes one of the years 1 to 9999"),
}
_NANOS: Final = 999_999_999


class Rules(grpc.aio.ServerInterceptor):
    """Puts the rules between a request's bytes and its servicer; stands inside of the rings, which tell what it raises."""

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """The method with its rules; one that has none is handed on as it is."""
        method = str(handler_call_details.method)
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler.request_streaming or not method.startswith(f"/{_PACKAGE}"):
            return handler  # type: ignore[no-any-return]
        asked = Default().FindMethodByName(method.removeprefix("/").replace("/", ".")).input_type
        if not has_rules(asked):
            return handler  # type: ignore[no-any-return]
        parse = handler.request_deserializer

        def parsed(content: bytes) -> Message:
            request: Message = parse(content)
            broken = list(violations(request))
            if broken:
                raise InvalidRequest.of(*broken)
            return request

        ruled: Handler = handler._replace(request_deserializer=parsed)
        return ruled


def violations(message: Message, path: str = "") -> Iterator[Violation]:
    """Every rule that the message breaks, in the order of its fields."""
    for field, rule in _ruled(message.DESCRIPTOR):  # type: ignore[arg-type]  # upb has a class of its own
        name, value = path + field.name, getattr(message, field.name)
        is_there = field.is_repeated or not field.has_presence or message.HasField(field.name)
        if rule is not None:
            why = _broken(rule, field, value, is_there=is_there)
            if why:
                yield Violation(name, why)
                continue
        if field.message_type is None or not is_there:
            continue
        if field.message_type.full_name in _TIMES:
            if why := _no_time(field.message_type.full_name, value):
                yield Violation(name, why)
        elif field.is_repeated:
            for place, each in enumerate(value):
                yield from violations(each, f"{name}[{place}].")
        else:
            yield from violations(value, f"{name}.")


def has_rules(kind: Descriptor) -> bool:
    """Whether a message of that kind can break one."""
    return bool(_ruled(kind))


_KNOWN: Final[dict[str, tuple[tuple[FieldDescriptor, Rule | None], ...]]] = {}


def _ruled(kind: Descriptor) -> tuple[tuple[FieldDescriptor, Rule | None], ...]:
    """The fields of that kind that have a rule, or rules somewhere below."""
    if kind.full_name not in _KNOWN:
        _KNOWN[kind.full_name] = ()  # a kind that holds itself adds nothing by that
        found = ((field, RULES.get(f"{kind.full_name.removeprefix(_PACKAGE)}.{field.name}")) for field in kind.fields)
        _KNOWN[kind.full_name] = tuple((field, rule) for field, rule in found if rule is not None or _goes_on(field))
    return _KNOWN[kind.full_name]


def _goes_on(field: FieldDescriptor) -> bool:
    kind = field.message_type
    if kind is None or kind.GetOptions().map_entry:
        return False
    return kind.full_name in _TIMES or (kind.full_name.startswith(_PACKAGE) and has_rules(kind))


def _broken(rule: Rule, field: FieldDescriptor, value: Any, *, is_there: bool) -> str:
    """What is wrong with the value, or nothing."""
    if not is_there:
        return "is required" if rule.required else ""
    if rule.required and not value:
        return "is required"
    if rule.longest is not None and len(value) > rule.longest:
        counted = "entries" if field.is_repeated else "bytes" if isinstance(value, bytes) else "characters"
        return f"takes at most {rule.longest} {counted}; got {len(value)}"
    number = value.seconds + value.nanos / 1e9 if isinstance(value, Message) else value  # type: ignore[attr-defined]
    if rule.lowest is not None and number < rule.lowest:
        # 0 is how an absent number reads, so the range that is told begins after it.
        return (
            f"must not be negative; got {number}" if rule.highest is None else f"must be from 1 to {rule.highest}; got {number}"
        )
    if rule.highest is not None and number > rule.highest:
        return f"must be from 1 to {rule.highest}; got {number}"
    return ""


def _no_time(kind: str, value: Any) -> str:
    earliest, latest, why = _TIMES[kind]
    good = earliest <= value.seconds <= latest and abs(value.nanos) <= _NANOS
    if kind == _MOMENT:
        return "" if good and value.nanos >= 0 else why
    return "" if good and not (value.seconds * value.nanos < 0) else why
