"""The contract as it is documented: services, messages and enums with their comments, read out of a compiled descriptor set.

Its law: nothing is left out. Whoever adds an element without a comment is told so by buf's lint, before this is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    MethodOptions,
)

PACKAGE: Final = "cli2api.v1"

_MESSAGE, _SERVICE, _ENUM = 4, 6, 5
_FIELD, _NESTED, _NESTED_ENUM, _ONEOF, _VALUE, _METHOD = 2, 3, 4, 8, 2, 2
"""Numbers of the parts of a descriptor, by which source information finds their comments."""
_LEVELS: Final = {
    MethodOptions.IDEMPOTENCY_UNKNOWN: "",
    MethodOptions.NO_SIDE_EFFECTS: "changes nothing, may be repeated",
    MethodOptions.IDEMPOTENT: "may be repeated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a message, or one value of an enum, where `type` is empty."""

    name: str
    number: int
    type: str = ""
    """As it is written in a proto file, without the own package."""
    links_to: str = ""
    """The own message or enum that the type names."""
    oneof: str = ""
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A message or an enum."""

    name: str
    """Without the package; nested ones after their parent and a dot."""
    is_enum: bool
    comment: str
    fields: Sequence[Field]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of a service."""

    name: str
    request: str
    response: str
    streams: bool
    """The answer is a stream."""
    repetition: str
    """What the contract promises of a second call; empty where it depends on `request_id`, or there is none."""
    http: str
    """As in "GET /v1/jobs/{id}"; empty for methods without a path."""
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service."""

    name: str
    comment: str
    methods: Sequence[Method]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """One file of the contract."""

    name: str
    comment: str
    services: Sequence[Service]
    shapes: Sequence[Shape]


def nouns(compiled: bytes) -> Sequence[Noun]:
    """The contract's files by name, from a FileDescriptorSet that has source information."""
    files = FileDescriptorSet.FromString(compiled).file
    return [_Reader(file).noun() for file in sorted(files, key=lambda file: file.name) if file.package == PACKAGE]


class _Reader:
    """Reads one file."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file
        places = file.source_code_info.location
        self._comments = {tuple(place.path): place.leading_comments.replace("\n \n", "\n\n") for place in places}
        self._head = next((place.leading_comments for place in places if tuple(place.path) == (12,)), "")

    def noun(self) -> Noun:
        file = self._file
        return Noun(
            name=file.name.rpartition("/")[2].removesuffix(".proto"),
            comment=self._head.strip(),
            services=[
                Service(
                    name=service.name,
                    comment=self._said(_SERVICE, place),
                    methods=[
                        self._method(method, (_SERVICE, place, _METHOD, number)) for number, method in enumerate(service.method)
                    ],
                )
                for place, service in enumerate(file.service)
            ],
            shapes=[
                *(shape for place, each in enumerate(file.message_type) for shape in self._message(each, "", (_MESSAGE, place))),
                *(self._enum(each, "", (_ENUM, place)) for place, each in enumerate(file.enum_type)),
            ],
        )

    def _said(self, *path: int) -> str:
        paragraphs = self._comments.get(path, "").split("\n\n")
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

    def _method(self, method: MethodDescriptorProto, path: tuple[int, ...]) -> Method:
        return Method(
            name=method.name,
            request=_own(method.input_type),
            response=_own(method.output_type),
            streams=method.server_streaming,
            repetition=_LEVELS[method.options.idempotency_level],
            http=_http(method.options.Extensions[annotations_pb2.http]),
            comment=self._said(*path),
        )

    def _message(self, message: DescriptorProto, parent: str, path: tuple[int, ...]) -> Iterator[Shape]:
        name = f"{parent}{message.name}"
        pairs = {f".{PACKAGE}.{name}.{nested.name}": nested for nested in message.nested_type if nested.options.map_entry}
        fields = [
            self._field(field, message, pairs.get(field.type_name), (*path, _FIELD, place))
            for place, field in enumerate(message.field)
        ]
        yield Shape(name=name, is_enum=False, comment=self._said(*path), fields=fields)
        for place, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                yield from self._message(nested, f"{name}.", (*path, _NESTED, place))
        for place, enum in enumerate(message.enum_type):
            yield self._enum(enum, f"{name}.", (*path, _NESTED_ENUM, place))

    def _field(
        self, field: FieldDescriptorProto, message: DescriptorProto, pair: DescriptorProto | None, path: tuple[int, ...]
    ) -> Field:
        if pair is not None:
            written = f"map<{_type(pair.field[0])}, {_type(pair.field[1])}>"
        else:
            prefix = "repeated " if field.label == FieldDescriptorProto.LABEL_REPEATED else ""
            written = f"{'optional ' if field.proto3_optional else prefix}{_type(field)}"
        alone = field.HasField("oneof_index") and not field.proto3_optional
        return Field(
            name=field.name,
            number=field.number,
            type=written,
            links_to=_own(field.type_name) if field.type_name.startswith(f".{PACKAGE}.") and pair is None else "",
            oneof=message.oneof_decl[field.oneof_index].name if alone else "",
            comment=self._said(*path),
        )

    def _enum(self, enum: EnumDescriptorProto, parent: str, path: tuple[int, ...]) -> Shape:
        values = [
            Field(name=value.name, number=value.number, comment=self._said(*path, _VALUE, place))
            for place, value in enumerate(enum.value)
        ]
        return Shape(name=f"{parent}{enum.name}", is_enum=True, comment=self._said(*path), fields=values)


def _own(name: str) -> str:
    """A type's name, without the package where it is ours."""
    return name.removeprefix(f".{PACKAGE}.").removeprefix(".")


def _type(field: FieldDescriptorProto) -> str:
    if field.type_name:
        return _own(field.type_name)
    return FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()


def _http(rule: http_pb2.HttpRule) -> str:
    verb = rule.WhichOneof("pattern")
    return f"{verb.upper()} {getattr(rule, verb)}" if verb else ""
