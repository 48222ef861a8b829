"""Reads a body that may be JSON or a form into one document."""

from dataclasses import dataclass
from typing import Any

from edge import body, multipart
from edge.dialects import forms
from edge.exchange import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a body says."""

    fields: dict[str, Any]
    """Decoded JSON; from a form text, and Uploads for files."""
    is_form: bool


async def read(exchange: Exchange, limit: int) -> Document:
    """The body, of at most `limit` bytes, by its content type. Raises Failure and WrongField."""
    content_type = exchange.headers.get("content-type", "")
    raw = await body.read(exchange, limit)
    if multipart.is_form(content_type):
        return Document(fields=forms.fold(multipart.parse(content_type, raw)), is_form=True)
    return Document(fields=body.decode_object(raw), is_form=False)
