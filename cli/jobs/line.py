"""The line to a gateway that runs: its stub, the caller's key, and every refusal in words that name the fix."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
from cli2api.v1 import job_pb2, job_pb2_grpc

from cli import doors
from cli.places import cores
from services.settings import Settings
from services.settings.grammar import reachable

Request = TypeVar("Request")
Response = TypeVar("Response")

SECONDS: Final = 30.0
"""How long the gateway may take for one answer, and may be away in the middle of a watch."""
RETRY_SECONDS: Final = 0.5
TERMINAL: Final = frozenset({job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED})
_LOST: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
_BROKEN: Final = _LOST | {grpc.StatusCode.INTERNAL}
"""Where the gateway itself did not say so: INTERNAL is how gRPC tells of a line that broke in the middle of an answer."""
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # the gateway is one's own; no proxy of the environment stands before it
    ("grpc.keepalive_time_ms", 30_000),  # a watch may be silent for long, and has to notice that the other side has gone
)


class Refused(Exception):
    """Nobody answered, or the gateway said no; the text is one line for people."""

    def __init__(self, message: str, *, is_lost: bool = False) -> None:
        super().__init__(message)
        self.is_lost = is_lost
        """The connection broke or could not be made, so that asking again may help."""


class OutOfTime(Refused):
    """The caller's own time limit passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An open channel. Every call raises Refused."""

    jobs: job_pb2_grpc.JobServiceStub
    metadata: tuple[tuple[str, str], ...]
    target: str
    gateway: str
    """Who is asked, in words for people."""

    def ask(self, method: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request) -> Response:
        """One answer."""
        try:
            return method(request, metadata=self.metadata, timeout=SECONDS)
        except grpc.RpcError as error:
            raise refusal(error, self.gateway) from error

    def stream(
        self, method: "grpc.UnaryStreamMultiCallable[Request, Response]", request: Request, *, timeout: float | None = None
    ) -> Generator[Response, None, None]:
        """The pieces of one answer; close it to end the call."""
        call = method(request, metadata=self.metadata, timeout=timeout)
        try:
            yield from call
        except grpc.RpcError as error:
            raise refusal(error, self.gateway) from error
        finally:
            call.cancel()


@contextmanager
def opened(target: str | None, key: str | None, environ: Mapping[str, str]) -> Iterator[Line]:
    """A line to `target` with `key`, or to the gateway that `environ` describes. Raises BadSetting or Refused."""
    settings = Settings.read(environ)
    is_inner = not target and settings.tls_cert is not None
    target = target or _own(settings)
    gateway = doors.inner(settings) if is_inner else f"the gateway at {target}"
    key = key or next(iter(settings.api_keys), "")
    with grpc.insecure_channel(target, options=_OPTIONS) as channel:
        metadata = (("authorization", f"Bearer {key}"),) if key else ()
        yield Line(jobs=job_pb2_grpc.JobServiceStub(channel), metadata=metadata, target=target, gateway=gateway)


def changes(
    line: Line,
    job_id: str,
    *,
    after: int = 0,
    within: float | None = None,
    rest: Callable[[float], object] = time.sleep,
) -> Generator[job_pb2.Job, None, None]:
    """The job as it stands, then at each change after the revision `after`, to the terminal one.

    A gateway that goes away in the middle is given time to come back; then it goes on after the last change that was seen, so
    none is lost and none repeated. Raises Refused, OutOfTime after `within` seconds.
    """
    end = time.monotonic() + within if within is not None else None
    lost_at: float | None = None
    heard = False
    while True:
        left = end - time.monotonic() if end is not None else None
        request = job_pb2.WatchJobRequest(id=job_id, after_revision=after)
        try:
            with closing(line.stream(line.jobs.WatchJob, request, timeout=left)) as replies:
                for reply in replies:
                    after, heard, lost_at = reply.job.revision, True, None
                    yield reply.job
                    if reply.job.state in TERMINAL:
                        break
        except Refused as refused:
            now = time.monotonic()
            lost_at = now if lost_at is None else lost_at
            if not (refused.is_lost and heard) or now - lost_at > SECONDS:
                raise
        else:
            return
        rest(RETRY_SECONDS)


def refusal(error: grpc.RpcError, gateway: str) -> Refused:
    """What a failed call means for whoever typed the command; `gateway` is who was asked."""
    call: Any = error  # what a stub raises is a Call too, which the types do not say
    code, details = call.code(), call.details() or ""
    ours = any(name == "grpc-status-details-bin" for name, _ in call.trailing_metadata() or ())
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return Refused(f"{gateway} does not know the key: set CLI2API_API_KEYS as it has them, or --key")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return OutOfTime(f"{gateway} did not answer in time")
    if ours:
        return Refused(details, is_lost=code in _LOST)
    if code in _BROKEN:
        return Refused(
            f"{gateway} does not answer: start it with `cli2api serve`, or name another one with --target", is_lost=True
        )
    return Refused(f"{gateway} answered {code.name}: {details}")


def _own(settings: Settings) -> str:
    if settings.tls_cert is not None:  # the listener's certificate is for callers' names of it; the core is right here
        return reachable(cores(settings)[0].listen)
    if not settings.grpc_port:
        raise Refused("CLI2API_GRPC_PORT is 0, a port that the gateway chooses by itself: name it with --target")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return reachable(f"{host}:{settings.grpc_port}")
