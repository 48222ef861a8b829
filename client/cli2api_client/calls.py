"""What is put on every call on its way out: key, request id, and an idempotency key where the call costs credits. Pure."""

from collections.abc import Iterable
from typing import Final, TypeVar
from uuid import uuid4

from google.protobuf.message import Message

Metadata = tuple[tuple[str, str | bytes], ...]
Request = TypeVar("Request", bound=Message)

REQUEST_ID: Final = "x-request-id"
_KEYS: Final = frozenset({"authorization", "x-api-key"})


def with_key(request: Request) -> Request:
    """The request with a `request_id`, where it has that field and the caller left it empty; the caller's own is not changed.

    With it a repetition, by the channel or by hand, gives the same job and never pays twice.
    """
    if "request_id" not in request.DESCRIPTOR.fields_by_name or getattr(request, "request_id"):  # noqa: B009
        return request
    keyed = type(request)()
    keyed.CopyFrom(request)
    setattr(keyed, "request_id", uuid4().hex)  # noqa: B010
    return keyed


def key_of(request: Message) -> str:
    """The idempotency key that the request goes out with; empty for calls that have none."""
    return str(getattr(request, "request_id", ""))


def with_names(given: Iterable[tuple[str, str | bytes]] | None, key: str) -> Metadata:
    """The caller's metadata, with the channel's key and a new request id where it has none of its own."""
    metadata = tuple((name, value) for name, value in given or ())
    names = {name.lower() for name, _ in metadata}
    keyed = (("authorization", f"Bearer {key}"),) if key and not names & _KEYS else ()
    known = () if REQUEST_ID in names else ((REQUEST_ID, uuid4().hex),)
    return (*metadata, *keyed, *known)


def request_id_of(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """The id under which caller and gateway speak of the call."""
    return next((str(value) for name, value in metadata if name == REQUEST_ID), "")
