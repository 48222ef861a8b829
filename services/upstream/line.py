"""The line to MuleRun: sends one call with the right credential and gives the answer, or names what went wrong on the way.

Redirects are never followed. A 401 or 403 says that the request was not accepted, so trying once more with a fresh credential
is safe even where a request costs money.
"""

import asyncio
import io
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from services.domain.errors import Failure, UpstreamUnavailable
from services.domain.ports import Clock, Credentials, Plane
from services.upstream.opening import Opening
from services.upstream.refusals import refusal
from services.upstream.retry import until_arrived

LARGEST_ANSWER: Final = 64 * 2**20
"""Bytes of an answer that is read whole."""
LARGEST_REFUSAL: Final = 64 * 2**10
_LARGEST_AT_ONCE: Final = 64 * 2**10
"""Bytes of a body that is written in one go."""
_REFUSED: Final = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, without its credential."""

    path: str
    plane: Plane
    method: str = "POST"
    headers: Sequence[tuple[str, str]] = (("content-type", "application/json"), ("accept-encoding", "identity"))
    body: bytes | None = None
    seconds: float | None = None
    """Limit for the whole call; None where the caller decides how long it waits."""
    key_header: bool = False
    """The credential goes into X-API-Key instead of Authorization."""
    verbatim: bool = False
    """The answer's body stays encoded as it came."""


class Line:
    """Sends calls to one MuleRun host."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, credentials: Credentials, clock: Clock) -> None:
        self._session = session
        self._base = base_url.rstrip("/")
        self._credentials = credentials
        self._clock = clock

    def open(self, call: Call, *, tries: bool = True) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """The answer, its body still coming; any status but 401 and 403. Leaving the context stops the call.

        Raises UpstreamCredentialRefused, or UpstreamUnavailable with `reached` False where the request certainly did not arrive;
        such a request is first tried again a few times, unless `tries` is False.
        """
        # Nothing is lost by closing: a body that was read to its end has given its connection back already.
        return Opening(lambda: self.answer(call, tries=tries))

    async def answer(self, call: Call, *, tries: bool = True) -> aiohttp.ClientResponse:
        """The same for whoever closes it. Raises as `open` does, and has closed what came by then."""
        token = await self._credentials.token(call.plane)
        response = await self._send(call, token, tries)
        if response.status not in _REFUSED:
            return response
        refused = await self._refused(response, call.plane)
        if not await self._credentials.refused(call.plane, token):
            raise refused
        response = await self._send(call, await self._credentials.token(call.plane), tries)
        if response.status in _REFUSED:
            raise await self._refused(response, call.plane)
        return response

    async def refusal(self, response: aiohttp.ClientResponse, plane: Plane, hint: str = "") -> Failure:
        """The failure that this answer stands for. Reads its body."""
        body = await read(response, LARGEST_REFUSAL, whole=False)
        return refusal(response.status, response.headers, body, now=self._clock.now(), plane=plane, hint=hint)

    async def _refused(self, response: aiohttp.ClientResponse, plane: Plane) -> Failure:
        try:
            return await self.refusal(response, plane)
        finally:
            response.close()

    async def _send(self, call: Call, token: str, tries: bool) -> aiohttp.ClientResponse:
        if not tries:
            return await self._attempt(call, token)
        return await until_arrived(lambda: self._attempt(call, token), self._clock)

    def _timeout(self, seconds: float | None) -> aiohttp.ClientTimeout:
        usual = self._session.timeout
        if seconds is None:
            return usual
        return aiohttp.ClientTimeout(total=seconds, sock_connect=usual.sock_connect, sock_read=usual.sock_read)

    async def _attempt(self, call: Call, token: str) -> aiohttp.ClientResponse:
        headers = CIMultiDict(call.headers)
        headers["x-api-key" if call.key_header else "authorization"] = token if call.key_header else f"Bearer {token}"
        try:
            return await self._session.request(
                call.method,
                URL(self._base + call.path, encoded=True),
                headers=headers,
                data=_payload(call.body),
                allow_redirects=False,
                timeout=self._timeout(call.seconds),
                auto_decompress=not call.verbatim,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise broken(error) from error


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """A large body is written piece by piece, so that it holds up nobody; for a small one that costs more than it is worth."""
    return io.BytesIO(body) if body is not None and len(body) > _LARGEST_AT_ONCE else body


async def read(response: aiohttp.ClientResponse, limit: int = LARGEST_ANSWER, *, whole: bool = True) -> bytes:
    """The body, or its first `limit` bytes where it need not be whole.

    Raises UpstreamUnavailable where it breaks off or is too large to be read whole.
    """
    body = bytearray()
    async for piece in Chunks(response):
        body += piece
        if len(body) > limit:
            if whole:
                raise UpstreamUnavailable(f"MuleRun's answer is larger than {limit} bytes")
            break
    return bytes(body[:limit])


class Chunks:
    """The body as it comes in, cut anywhere. Raises UpstreamUnavailable where it breaks off, after all that had come by then.

    There is nothing to close: whoever opened the response does that.
    """

    __slots__ = ("_body", "_error")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._body = response.content
        self._error: Exception | None = None
        """What broke it off while its last bytes were still to be handed over."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._error is not None:
            raise broken(self._error) from self._error
        try:
            chunk = await self._body.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if rest := _left_unread(self._body):
                self._error = error
                return rest
            raise broken(error) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk


def _left_unread(body: aiohttp.StreamReader) -> bytes:
    """What came before a body broke off while its reader was busy: paid for, and kept back by aiohttp's public words."""
    try:
        return body._read_nowait(-1)
    except TimeoutError:  # the call's own time is over
        return b""


def broken(error: Exception) -> UpstreamUnavailable:
    """The name of a network error; `reached` is False for the kinds that come before anything was sent."""
    arrived = not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL)
    match error:
        case aiohttp.ClientConnectorDNSError():
            words = f"MuleRun cannot be reached: the name {error.host} does not resolve; check MULERUN_API_BASE_URL and DNS"
        case aiohttp.ClientSSLError():
            words = (
                f"MuleRun cannot be reached: no trusted TLS connection to {error.host}; check MULERUN_API_BASE_URL and the clock"
            )
        case aiohttp.ClientConnectorError():
            words = f"MuleRun cannot be reached: {error.host} takes no connection on port {error.port}"
        case aiohttp.InvalidURL():
            words = "MuleRun cannot be reached: MULERUN_API_BASE_URL is not an http(s) URL"
        case aiohttp.ConnectionTimeoutError():
            words = "MuleRun cannot be reached: connecting took too long"
        case asyncio.TimeoutError():
            words = "MuleRun did not answer in time"
        case _:
            words = "MuleRun broke off the connection"
    failure = UpstreamUnavailable(words)
    failure.reached = arrived
    return failure
