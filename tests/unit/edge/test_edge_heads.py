"""What Envoy reads of a body is what the edge reads of it, or nothing: head.lua in its own LuaJIT against edge/body.py."""

import json
from pathlib import Path
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa.luajit21 import LuaRuntime

import edge.envoy
from edge.body import ConversationHead, TextHead, decode_text_head
from edge.errors import Failure

SCRIPT: Final = Path(edge.envoy.__file__).with_name("head.lua").read_bytes()
_read: Final[Any] = cast("Any", LuaRuntime)(encoding=None).execute(SCRIPT + b"\nreturn head")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
bodies = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["gpt-5", "openai/gpt-5", "é \U0001f434", ""]) | values,
        "messages": st.lists(values, max_size=3) | values,
    },
    optional={"stream": st.none() | st.booleans() | values, "tools": values, "model ": values},
)


def in_envoy(body: bytes) -> tuple[str, bool] | None:
    """Model, and whether there are turns."""
    found = cast("tuple[bytes, bool] | None", _read(body))
    return found and (found[0].decode(), found[1])


def in_the_edge(body: bytes) -> tuple[str, bool] | None:
    try:
        model = decode_text_head(body, TextHead).model
    except Failure:
        return None
    try:
        decode_text_head(body, ConversationHead)
    except Failure:
        return model, False
    return model, True


@given(body=bodies, ascii_only=st.booleans(), indent=st.sampled_from([None, 0, 2]))
def test_of_json_both_read_the_same(body: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    # Half a character is no text, which Python's own writer does not mind.
    try:
        written = json.dumps(body, ensure_ascii=ascii_only, indent=indent).encode()
    except UnicodeEncodeError:
        return
    read = in_the_edge(written)
    unsure = any("\\" in json.dumps(each, ensure_ascii=ascii_only) for each in (*body, read[0] if read else ""))
    assert in_envoy(written) == (None if unsure else read)


@given(body=bodies, data=st.data())
def test_what_was_damaged_is_read_alike_or_not_at_all(body: dict[str, Any], data: st.DataObject) -> None:
    written = bytearray(json.dumps(body).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(written)))
        written[place : place + data.draw(st.integers(0, 2))] = data.draw(st.sampled_from(DAMAGE))

    found = in_envoy(bytes(written))

    assert found is None or found == in_the_edge(bytes(written))


DAMAGE: Final = [
    *(bytes([each]) for each in b'"\\{}[],: \n\x00\x1f\x7f\x80\xc3\xa9\xe0\xed\xf4\xff0-.eE+tu'),
    b"\\u",
    b"\xed\xa0\x80",
    b"null",
    b'"model"',
]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"gpt-5"',
        b"{}",
        b'{"model":5}',
        b'{"model":""}',
        b'{"model":null}',
        b'{"model":["gpt-5"]}',
        b'{"model":"gpt-5"',
        b'{"model":"gpt-5"} x',
        b'{"model":"gpt-5",}',
        b"{'model':'gpt-5'}",
        b'{"model" "gpt-5"}',
        b'{"model":"gpt-5","n":01}',
        b'{"model":"gpt-5","n":-}',
        b'{"model":"gpt-5","n":1.}',
        b'{"model":"gpt-5","n":.5}',
        b'{"model":"gpt-5","n":1e}',
        b'{"model":"gpt-5","n":+1}',
        b'{"model":"gpt-5","n":NaN}',
        b'{"model":"gpt-5","n":tru}',
        b'{"model":"gpt-5","t":"\x01"}',
        b'{"model":"gpt-5","t":"\\x"}',
        b'{"model":"gpt-5","t":"\\u12g4"}',
        b'{"model":"gpt-5","t":"\\ud800"}',
        b'{"model":"gpt-5","t":"\xff"}',
        b'{"model":"gpt-5","t":"\xc0\xaf"}',
        b'{"model":"gpt-5","t":"\xed\xa0\x80"}',
        b'{"model":"gpt-5","t":"\xf4\x90\x80\x80"}',
        b'{"model":"gpt-5","stream":"yes"}',
        b'{"model":"gpt-5","stream":1}',
        b'{"mod\\u0065l":"gpt-5"}',
        b'{"model":"gpt\\u002d5"}',
        b'{"model":"gpt-5","mod\\u0065l":"other"}',
        b'{"model":"' + b"x" * 201 + b'"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'\xef\xbb\xbf{"model":"gpt-5"}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_not_sure_is_left_to_the_edge(body: bytes) -> None:
    assert in_envoy(body) is None


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"model":"gpt-5"}', ("gpt-5", False)),
        (b' {"messages":[{}],\r\n\t"model" : "gpt-5" } ', ("gpt-5", True)),
        (b'{"model":"gpt-5","messages":[ ]}', ("gpt-5", False)),
        (b'{"model":"gpt-5","messages":"hello"}', ("gpt-5", False)),
        (b'{"tools":"\\"messages\\":[1]","model":"gpt-5"}', ("gpt-5", False)),
        (b'{"tools":{"messages":[1],"model":"other"},"model":"gpt-5"}', ("gpt-5", False)),
        (b'{"model":"other","model":"gpt-5","messages":[1],"stream":null}', ("gpt-5", True)),
        (b'{"model":"gpt-5","n":[0,-0,1e5,-1.5E+3,9223372036854775808,true,false,null,{}]}', ("gpt-5", False)),
        ('{"model":"é","messages":["\U0001f434 \\ud83d\\ude00 \\u00e9 \\\\ \\""]}'.encode(), ("é", True)),
        (b'{"model":"gpt-5","deep":' + b"[" * 62 + b"]" * 62 + b"}", ("gpt-5", False)),
    ],
    ids=lambda each: repr(each[:40]) if isinstance(each, bytes) else "",
)
def test_what_is_sure_is_read(body: bytes, read: tuple[str, bool]) -> None:
    assert in_envoy(body) == read == in_the_edge(body)
