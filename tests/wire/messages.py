"""Any message of any type, well made or hostile, for hypothesis to draw: built from the descriptors alone."""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

_WORDS = (
    "",
    " ",
    "gpt-5",
    "sora-2",
    "gpt-image-2",
    "openai/",
    "a/" * 40,
    "\0",
    "\u202e",
    "x" * 5000,
    "💥",
    "../../etc",
    "%00",
    "{",
    "-1",
)
_WHOLE = {
    FieldDescriptor.CPPTYPE_INT32: 32,
    FieldDescriptor.CPPTYPE_INT64: 64,
}
_DEEPEST = 4


def messages(kind: Descriptor, depth: int = 0) -> st.SearchStrategy[Message]:
    """Messages of that type, each field there or not."""
    made: Any = GetMessageClass(kind)
    fields = {field.name: _values(field, depth) for field in kind.fields if depth < _DEEPEST or field.message_type is None}
    return st.fixed_dictionaries({}, optional=fields).map(lambda given: _filled(made(), given))


def _filled(message: Any, given: dict[str, Any]) -> Message:
    for name, value in given.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for key, each in value.items():
                if isinstance(each, Message):
                    getattr(message, name)[key].CopyFrom(each)
                else:
                    getattr(message, name)[key] = each
        elif field.is_repeated:
            getattr(message, name).extend(value)
        elif field.message_type is not None:
            getattr(message, name).CopyFrom(value)
        else:
            setattr(message, name, value)
    built: Message = message
    return built


def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        return st.dictionaries(_one(key, depth + 1), _one(value, depth + 1), max_size=3)
    one = _one(field, depth + 1)
    return st.lists(one, max_size=3) if field.is_repeated else one


def _one(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(field.message_type, depth)
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values] + [77, -1])
    kind = field.cpp_type
    if kind in _WHOLE:
        edge = 1 << (_WHOLE[kind] - 1)
        return st.sampled_from([0, 1, -1, edge - 1, -edge]) | st.integers(-edge, edge - 1)
    if kind in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
        return st.floats(width=64)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=64)
    assert kind == FieldDescriptor.CPPTYPE_STRING, field.full_name
    return st.sampled_from(_WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
