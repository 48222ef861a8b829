"""Reads a multipart form out of a body that is already in memory and already bounded."""

from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from edge.dialects.fields import Upload
from edge.errors import Failure

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE_LIMIT: Final = 20 << 20
"""Bytes of one uploaded file."""
_MOST_PARTS: Final = 1000


def is_form(content_type: str) -> bool:
    """Whether the body is a multipart form."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def parse(content_type: str, raw: bytes) -> list[tuple[str, str | Upload]]:
    """The parts by name, in order. Raises Failure."""
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise Failure("INVALID_REQUEST", "content-type: multipart/form-data needs a boundary")
    form = _Form()
    try:
        parser = MultipartParser(boundary, form.callbacks())
        parser.write(raw)
        parser.finalize()
    except FormParserError as error:
        raise Failure("INVALID_REQUEST", "the body is not the multipart form that its content-type announces") from error
    if not form.ended:
        raise Failure("INVALID_REQUEST", "the multipart form breaks off before its last boundary")
    return form.parts


class _Form:
    """Collects what the parser calls out."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, str | Upload]] = []
        self.ended = False
        self._headers: dict[str, str] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._content = bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._on_part_begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_part_data": lambda data, start, end: self._content.extend(memoryview(data)[start:end]),
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def _on_part_begin(self) -> None:
        if len(self.parts) >= _MOST_PARTS:
            raise Failure("REQUEST_TOO_LARGE", f"the form has more than {_MOST_PARTS} parts")
        self._headers, self._content = {}, bytearray()

    def _on_header_end(self) -> None:
        # Byte for byte: what names are made of is told apart only after they are cut out, and a file may be called as it likes.
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name, self._value = bytearray(), bytearray()

    def _on_part_end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", ""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if not name:
            raise Failure("INVALID_REQUEST", "a part of the form has no name in its content-disposition")
        self.parts.append((name, self._file(name, options) if b"filename" in options else self._text(name)))

    def _on_end(self) -> None:
        self.ended = True

    def _file(self, name: str, options: dict[bytes, bytes]) -> Upload:
        if len(self._content) > FILE_LIMIT:
            raise Failure(
                "REQUEST_TOO_LARGE", f"{name}: request body too large: a file has at most {FILE_LIMIT >> 20} MB", param=name
            )
        return Upload(
            content=bytes(self._content),
            mime_type=self._headers.get("content-type", "").partition(";")[0].strip().lower(),
            filename=options[b"filename"].decode("utf-8", "replace"),
        )

    def _text(self, name: str) -> str:
        try:
            return self._content.decode()
        except UnicodeDecodeError as error:
            raise Failure("INVALID_REQUEST", f"{name}: is not UTF-8; send a file with a filename", param=name) from error
