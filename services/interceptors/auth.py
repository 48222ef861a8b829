"""Lets in who presents a key of this gateway. Without any key the gateway is open; probes are open always.

So is a line, on which each call shows a key of its own.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

from services.domain import call
from services.domain.errors import InvalidApiKey
from services.domain.usage import caller_of
from services.interceptors.shapes import Inside, Ring, Rpc

_SIGNED: Final = frozenset({"/cli2api.v1.JobService/ReceiveWebhook"})
"""Methods of callers that have no key of ours: what they say is signed, and checked by whoever serves it."""


class Keys:
    """The keys that are known at the moment; they may change between two calls."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self.change(keys)

    def change(self, keys: Iterable[str]) -> None:
        """From the next call on these and no others; none lets everybody in."""
        self._callers = tuple((_digest(key), caller_of(key)) for key in keys)

    def __bool__(self) -> bool:
        return bool(self._callers)

    def know(self, key: str) -> bool:
        """Whether it is one of them."""
        return self.caller(key) is not None

    def caller(self, key: str) -> str | None:
        """The hash of whoever presents it; None where it is none of them."""
        digest, found = _digest(key), None
        # Every key is compared, and digests have one length: the time taken tells nothing of the keys.
        for each, caller in self._callers:
            if hmac.compare_digest(digest, each):
                found = caller
        return found


def auth(keys: Keys) -> Ring:
    """The ring that knows `keys` and puts the caller's hash into the call."""

    async def ring(rpc: Rpc, inside: Inside) -> Any:
        if keys and not rpc.is_probe and rpc.method not in _SIGNED:
            presented = presented_keys(rpc)
            if not presented:
                raise InvalidApiKey("no API key: send it as metadata `authorization: Bearer <key>` or `x-api-key: <key>`")
            callers = [caller for caller in map(keys.caller, presented) if caller is not None]
            if not callers:
                raise InvalidApiKey("this gateway does not know the API key; CLI2API_API_KEYS has those that it knows")
            call.enter(call.current().of(callers[0]))
        return await inside(rpc)

    return ring


def presented_keys(rpc: Rpc) -> list[str]:
    """The keys that the caller presents, in either header; one that this gateway knows is enough, as it is at Envoy."""
    scheme, _, bearer = rpc.metadata.get("authorization", "").strip().partition(" ")
    both = (bearer.strip() if scheme.lower() == "bearer" else "", rpc.metadata.get("x-api-key", "").strip())
    return [key for key in both if key]


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
