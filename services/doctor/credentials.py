"""Whether there is a credential, and whether MuleRun takes it on both of its planes. Nothing is asked for that costs anything."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Final

from services.credentials.discovery import NO_CREDENTIALS
from services.credentials.keeper import Keeper
from services.doctor.finding import Finding
from services.domain.errors import Failure, UpstreamCredentialRefused, UpstreamRefused, UpstreamUnavailable
from services.domain.ports import Plane
from services.jobs.clock import SystemClock
from services.parts import credential
from services.settings import Settings
from services.upstream.line import Call, Line
from services.upstream.mulerun import MuleRun
from services.upstream.session import open_session

_MODELS: Final = "/v1/models"
_SECONDS: Final = 10.0
_MEDIA_PATH: Final = "/vendors/alibaba/v1/wan2.6-t2i/generation"
_NO_TASK: Final = "00000000-0000-0000-0000-000000000000"
"""Asked for, so that a credential is judged without a task that costs something: who may look hears that it is not there."""
_LOG_IN: Final = "run `mulerun login` again, or set MULERUN_TOKEN to a key that is valid"
_TEXT_KEY: Final = (
    "text models may need MuleRun's LLM gateway key: set it as MULERUN_TOKEN, the media key as MULERUN_STUDIO_TOKEN"
)


async def look(settings: Settings, environ: Mapping[str, str]) -> AsyncGenerator[Finding]:
    """Where the credential is, when it ends, and who takes it."""
    found = credential(settings, environ)
    if found is None:
        yield Finding(check="credential", verdict="problem", says="none was found", fix=NO_CREDENTIALS)
        return
    clock = SystemClock()
    async with (
        open_session() as session,
        Keeper(found, session, settings.oauth_base_url, clock, oauth_seconds=settings.oauth_timeout) as keeper,
    ):
        try:
            await keeper.token(Plane.TEXT)
            await keeper.token(Plane.STUDIO)
        except UpstreamCredentialRefused as failure:
            yield Finding(check="credential", verdict="problem", says=failure.message, fix=_LOG_IN)
            return
        yield _ended(found.source, keeper.expires_at(Plane.TEXT), clock.now())
        line = Line(session, settings.api_base_url, keeper, clock)
        yield await _judged("MuleRun, text", _models(line), fix=_TEXT_KEY)
        task = MuleRun(session, settings.api_base_url, keeper, clock).poll(_MEDIA_PATH, _NO_TASK)
        yield await _judged("MuleRun, media", task, fix=_LOG_IN)


def _ended(source: str, expires_at: float | None, now: float) -> Finding:
    if expires_at is None:
        return Finding(check="credential", verdict="ok", says=f"found in {source}")
    minutes = (expires_at - now) / 60
    if minutes > 0:
        return Finding(check="credential", verdict="ok", says=f"found in {source}; the login ends in {minutes:.0f} min")
    return Finding(check="credential", verdict="warning", says=f"found in {source}; the login has ended", fix=_LOG_IN)


async def _models(line: Line) -> None:
    call = Call(path=_MODELS, plane=Plane.TEXT, method="GET", seconds=_SECONDS)
    async with line.open(call, tries=False) as response:
        if not 200 <= response.status < 300:
            raise await line.refusal(response, call.plane)


async def _judged(check: str, asking: Awaitable[object], *, fix: str) -> Finding:
    try:
        await asking
    except UpstreamRefused:
        pass  # it was heard, and the credential was not what it was refused for
    except UpstreamCredentialRefused as failure:
        return Finding(check=check, verdict="problem", says=f"the credential is refused: {_short(failure)}", fix=fix)
    except UpstreamUnavailable as failure:
        fix = "see the checks of the way to MuleRun, or try again later"
        return Finding(check=check, verdict="problem", says=_short(failure), fix=fix)
    except Failure as failure:
        return Finding(check=check, verdict="warning", says=_short(failure), fix="try again later")
    return Finding(check=check, verdict="ok", says="the credential is taken")


def _short(failure: Failure) -> str:
    return failure.message.partition(". MuleRun refused")[0]
