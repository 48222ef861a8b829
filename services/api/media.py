"""MediaService: checks an order against the catalog, hands it to the jobs, and waits where the caller does.

Laws: nothing is paid for that the catalog knows to fail; and a caller that leaves, or whose deadline passes, ends its call
and not the job.
"""

from collections.abc import AsyncGenerator
from typing import Any, Final

from cli2api.v1 import media_pb2, media_pb2_grpc

from services.api import wav, wishes
from services.api.convert import failure_of, job_to_proto
from services.api.patience import Context, within_deadline
from services.api.wishes import Wish
from services.catalog.catalog import Catalog
from services.catalog.shape import shape
from services.domain import call
from services.domain.errors import AssetNotReady, InvalidRequest, Violation
from services.domain.job import Job, JobState, Order
from services.domain.model import Json, Model, ModelKind
from services.domain.ports import AssetStream, JobAssets
from services.jobs.engine import Engine

JOB_ID: Final = "x-cli2api-job-id"
_PACKED: Final = ("audio/mpeg", "audio/flac", "audio/wav", "audio/mp4", "audio/ogg")
"""Sounds that need no header; what is none of these is raw."""


class Media(media_pb2_grpc.MediaServiceServicer):
    """Makes media as jobs."""

    def __init__(self, *, engine: Engine, catalog: Catalog, assets: JobAssets) -> None:
        self._engine = engine
        self._catalog = catalog
        self._assets = assets

    async def GenerateImages(  # noqa: N802
        self, request: media_pb2.GenerateImagesRequest, context: Context
    ) -> media_pb2.GenerateImagesResponse:
        """Pictures from words, waited for unless `background`."""
        order, _ = self._order(wishes.images(request), ModelKind.IMAGE)
        return media_pb2.GenerateImagesResponse(job=job_to_proto(await self._pictures(order, context, request.background)))

    async def EditImages(  # noqa: N802
        self, request: media_pb2.EditImagesRequest, context: Context
    ) -> media_pb2.EditImagesResponse:
        """Pictures from pictures, waited for unless `background`."""
        order, _ = self._order(wishes.edits(request), ModelKind.IMAGE_EDIT)
        return media_pb2.EditImagesResponse(job=job_to_proto(await self._pictures(order, context, request.background)))

    async def SynthesizeSpeech(  # noqa: N802
        self, request: media_pb2.SynthesizeSpeechRequest, context: Context
    ) -> AsyncGenerator[media_pb2.SynthesizeSpeechResponse, None]:
        """Spoken words: the job's id at once as metadata, the head when the sound is there, then its bytes."""
        order, model = self._order(wishes.speech(request), ModelKind.SPEECH)
        job = await self._done(await self._submitted(order, context), context)
        if not job.assets:
            raise AssetNotReady(f"job {job.id} has no sound", metadata={"job_id": job.id})
        async with self._assets.open(job, 0) as sound:
            # The head is true to the bytes: a service that sends mp3 where pcm was asked for gets no header in front of it.
            raw = request.format == "wav" and sound.mime_type not in _PACKED
            head = media_pb2.SpeechHead(job=job_to_proto(job), mime_type=wav.MIME_TYPE if raw else sound.mime_type)
            yield media_pb2.SynthesizeSpeechResponse(head=head)
            if raw:
                yield media_pb2.SynthesizeSpeechResponse(chunk=_wav_header(model, order, sound))
            async for chunk in sound.chunks():
                yield media_pb2.SynthesizeSpeechResponse(chunk=chunk)

    async def CreateVideo(  # noqa: N802
        self, request: media_pb2.CreateVideoRequest, context: Context
    ) -> media_pb2.CreateVideoResponse:
        """A clip, begun."""
        wish = wishes.video(request)
        if request.remix_of_id:
            wish = wishes.remixed(wish, await self._engine.get(request.remix_of_id))
        order, _ = self._order(wish, ModelKind.VIDEO)
        return media_pb2.CreateVideoResponse(job=job_to_proto(await self._submitted(order, context)))

    async def CreateMusic(  # noqa: N802
        self, request: media_pb2.CreateMusicRequest, context: Context
    ) -> media_pb2.CreateMusicResponse:
        """A song, begun."""
        order, _ = self._order(wishes.music(request), ModelKind.MUSIC)
        return media_pb2.CreateMusicResponse(job=job_to_proto(await self._submitted(order, context)))

    def _order(self, wish: Wish, *kinds: ModelKind) -> tuple[Order, Model]:
        """The checked order. Raises InvalidRequest with everything that is wrong, and ModelNotFound."""
        if not wish.model:
            raise InvalidRequest.of(Violation("model", "is required; the catalog lists those there are"), *wish.violations)
        note = call.current().note
        note.model = wish.model
        model = self._catalog.media(wish.model, *kinds)
        note.model = model.id
        body: dict[str, Json] = {}
        violations = {each.field: each for each in wish.violations}
        try:
            body = shape(model, wish.fields, wish.extra)
        except InvalidRequest as refused:
            for each in refused.violations:
                name = wish.called.get(each.field, each.field)
                violations.setdefault(name, Violation(name, each.description))
        if violations:
            raise InvalidRequest.of(*violations.values())
        order = Order(
            kind=model.kind,
            model=model.id,
            path=model.paths[0],
            body=body,
            caller=call.current().caller,
            request_id=wish.request_id,
            prompt=wish.word("prompt"),
            size=wish.word("size"),
            seconds=wish.word("seconds"),
            remix_of_id=wish.remix_of_id,
            settings=wish.settings(),
        )
        return order, model

    async def _pictures(self, order: Order, context: Context, background: bool) -> Job:
        """The job, succeeded unless it is one in the `background`."""
        # A failure after the first metadata is told in trailers, which a transcoder drops: there the id comes at the end.
        later = call.current().reads_json and not background
        job = await self._submitted(order, context, at_once=not later)
        if background:
            return job
        job = await self._done(job, context)
        if later:
            await context.send_initial_metadata(((JOB_ID, job.id),))
        return job

    async def _submitted(self, order: Order, context: Context, *, at_once: bool = True) -> Job:
        """The job, whose id the caller is told before anything else, unless it could not hear of it yet."""
        note = call.current().note
        async with within_deadline(context, lambda: note.job_id):
            job = await self._engine.submit(order, on_written=note.name_job)
        if at_once:
            await context.send_initial_metadata(((JOB_ID, job.id),))
        return job

    async def _done(self, job: Job, context: Context) -> Job:
        """The succeeded job. Raises the failure of one that failed."""
        async with within_deadline(context, lambda: job.id):
            job = await self._engine.wait(job.id)
        if job.state is JobState.FAILED:
            raise failure_of(job)
        return job


def _wav_header(model: Model, order: Order, sound: AssetStream) -> bytes:
    sent: Any = order.body.get("audio_setting", {})
    usual = {param.name: param.default for param in model.params}
    sample_rate: Any = sent.get("sample_rate") or usual.get("audio_setting.sample_rate") or 32000
    return wav.header(sample_rate=int(sample_rate), channels=int(sent.get("channel") or 1), size_bytes=sound.size_bytes)
