"""Lets in who presents a key of this gateway. Without any key the gateway is open; probes are open always."""

import hmac
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Final

from services.domain import call
from services.domain.errors import InvalidApiKey
from services.domain.usage import caller_of
from services.interceptors.shapes import Ring, Rpc

_SIGNED: Final = frozenset({"/cli2api.v1.JobService/ReceiveWebhook"})
"""Methods of callers that have no key of ours: what they say is signed, and checked by whoever serves it."""


class Keys:
    """The keys that are known at the moment; they may change between two calls."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self.change(keys)

    def change(self, keys: Iterable[str]) -> None:
        """From the next call on these and no others; none lets everybody in."""
        self._digests = tuple(_digest(key) for key in keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def know(self, key: str) -> bool:
        """Whether it is one of them."""
        digest = _digest(key)
        # Every key is compared, and digests have one length: the time taken tells nothing of the keys.
        return sum(hmac.compare_digest(digest, each) for each in self._digests) > 0


def auth(keys: Keys) -> Ring:
    """The ring that knows `keys` and puts the caller's hash into the call."""

    @asynccontextmanager
    async def ring(rpc: Rpc) -> AsyncGenerator[None, None]:
        if keys and not rpc.is_probe and rpc.method not in _SIGNED:
            presented = presented_keys(rpc)
            if not presented:
                raise InvalidApiKey("no API key: send it as metadata `authorization: Bearer <key>` or `x-api-key: <key>`")
            known = [key for key in presented if keys.know(key)]
            if not known:
                raise InvalidApiKey("this gateway does not know the API key; CLI2API_API_KEYS has those that it knows")
            call.enter(replace(call.current(), caller=caller_of(known[0])))
        yield

    return ring


def presented_keys(rpc: Rpc) -> list[str]:
    """The keys that the caller presents, in either header; one that this gateway knows is enough, as it is at Envoy."""
    scheme, _, bearer = rpc.metadata.get("authorization", "").strip().partition(" ")
    both = (bearer.strip() if scheme.lower() == "bearer" else "", rpc.metadata.get("x-api-key", "").strip())
    return [key for key in both if key]


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
