"""Asks a chat stream for its usage in the gateway's own name, and takes the answer out again.

Law: the caller sees what it would have seen without this, byte for byte: the option is put into its body and nothing else there
is touched; of the answer only what the option brought is left out. What cannot be told apart for certain is left as it is.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

LARGEST_EVENT: Final = 1 << 20
"""Bytes of an event that is looked into; a larger one, which none that tells usage is, passes as it is."""

_OPTION: Final = b'"include_usage":true'
_OPENING: Final = re.compile(rb"\s*\{")
_ANSWERED_NO: Final = re.compile(rb'("include_usage"\s*:\s*)(?:false|null)')
_END_OF_EVENT: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_DATA: Final = re.compile(rb"\Adata:([^\r\n]*)(?:\r\n|\n|\r){2}\Z")
"""An event of one line, as every chat stream sends them."""
_NO_USAGE: Final = re.compile(rb'\s*,\s*"usage"\s*:\s*null|"usage"\s*:\s*null\s*,\s*')


class _Asked(msgspec.Struct):
    stream: bool | None = None
    stream_options: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Told(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None
    usage: dict[str, msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET


def asking(body: bytes) -> bytes | None:
    """The body of a chat that asks for the usage of its stream too; None where it does already, is no stream or is unclear."""
    try:
        asked = msgspec.json.decode(body, type=_Asked)
        if not asked.stream:
            return None
        if asked.stream_options is msgspec.UNSET:
            return _after_opening(body, b'"stream_options":{%b},' % _OPTION)
        options = bytes(asked.stream_options)
        wanted = _with_option(options)
    except (msgspec.DecodeError, RecursionError):
        return None
    if wanted is None:
        return None
    # A quote inside of a string is escaped, so this is a key wherever it stands; of two nobody knows which one counts.
    found = list(re.finditer(rb'"stream_options"\s*:\s*(?=%b)' % re.escape(options), body))
    if len(found) != 1 or body.count(b'"stream_options"') != 1:
        return None
    return body[: found[0].end()] + wanted + body[found[0].end() + len(options) :]


class Withheld:
    """Takes out of a stream of events what only the option brought.

    That is the last event, which tells nothing but usage, and a `usage` that is null in the others.
    """

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What the caller may see by now. An event goes on as soon as it is whole."""
        self._held += chunk
        if len(self._held) > LARGEST_EVENT:
            return self.rest()
        return b"".join(self._whole())

    def rest(self) -> bytes:
        """What is left when the stream has ended."""
        rest, self._held = self._held, b""
        return rest

    def _whole(self) -> Iterator[bytes]:
        begin = 0
        for end in _END_OF_EVENT.finditer(self._held):
            yield _seen(self._held[begin : end.end()])
            begin = end.end()
        self._held = self._held[begin:]


def _with_option(options: bytes) -> bytes | None:
    """The value of `stream_options` with the option in it; None where it is there or does not fit. Raises DecodeError."""
    given = msgspec.json.decode(options, type=dict[str, object] | None)
    if given is None:
        return b"{%b}" % _OPTION
    if "include_usage" not in given:
        return _after_opening(options, _OPTION + (b"," if given else b""))
    if given["include_usage"]:
        return None
    changed, count = _ANSWERED_NO.subn(rb"\1true", options)
    return changed if count == 1 else None


def _after_opening(value: bytes, inserted: bytes) -> bytes | None:
    opening = _OPENING.match(value)
    return value[: opening.end()] + inserted + value[opening.end() :] if opening else None


def _seen(event: bytes) -> bytes:
    """The event as the caller sees it; empty where it sees none."""
    if b'"usage"' not in event:
        return event
    data = _DATA.match(event)
    try:
        told = msgspec.json.decode(data[1], type=_Told) if data else _Told()
    except (msgspec.DecodeError, RecursionError):
        return event
    if told.usage is None and len(_NO_USAGE.findall(event)) == 1:
        return _NO_USAGE.sub(b"", event)
    return b"" if told.choices == [] and told.usage else event
