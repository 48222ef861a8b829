"""MuleRun's task JSON in our words. Every status word stands in one table; every deviation seen in the wild is read here."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

import msgspec

from services.domain.errors import InvalidRequest, UpstreamUnavailable, VendorFailed, Violation
from services.domain.job import Asset, AssetKind, JobState, Task
from services.upstream.fields import code, count, items, mapping, number, text
from services.upstream.refusals import told

STATES: Final = {
    "pending": JobState.QUEUED,
    "queued": JobState.QUEUED,
    "processing": JobState.RUNNING,
    "running": JobState.RUNNING,
    "retrying": JobState.RUNNING,
    "completed": JobState.SUCCEEDED,
    "succeeded": JobState.SUCCEEDED,
    "success": JobState.SUCCEEDED,
    "done": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "fail": JobState.FAILED,
}
"""Both vocabularies of MuleRun and the words that others have met. Any other word means that the task goes on."""

_KEYS: Final = {
    "images": AssetKind.IMAGE,
    "image": AssetKind.IMAGE,
    "videos": AssetKind.VIDEO,
    "video": AssetKind.VIDEO,
    "audios": AssetKind.AUDIO,
    "audio": AssetKind.AUDIO,
}

_MIME_BY_SUFFIX: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".pcm": "audio/pcm",
}
_MIME_BY_KIND: Final = {AssetKind.IMAGE: "image/png", AssetKind.VIDEO: "video/mp4", AssetKind.AUDIO: "audio/mpeg"}


def submitted(answer: Mapping[str, object]) -> Task:
    """The task that a 2xx answer to a submission speaks of; one without a status is queued.

    Raises VendorFailed where the answer names no task and says that it failed, UpstreamUnavailable where it only names none:
    then a task may exist and be paid for.
    """
    info = _info(answer)
    task_id = _task_id(info)
    word = _word(info)
    state = STATES.get(word, JobState.RUNNING) if word else JobState.QUEUED
    if task_id:
        return _task(task_id, state, answer)
    if state is JobState.FAILED:
        raise _diagnosis(answer)
    raise UpstreamUnavailable("MuleRun accepted the request but its answer names no task")


def polled(answer: Mapping[str, object], task_id: str) -> Task:
    """How the task stands by a 2xx answer to a poll.

    An unknown word goes on. No word at all is a failure, unless the assets are there: they are paid for.
    """
    word = _word(_info(answer))
    if word:
        return _task(task_id, STATES.get(word, JobState.RUNNING), answer)
    if _assets(answer):
        return _task(task_id, JobState.SUCCEEDED, answer)
    failure = VendorFailed("MuleRun answered without a status for the task") if not _has_error(answer) else _diagnosis(answer)
    return Task(id=task_id, state=JobState.FAILED, failure=failure)


def notified(body: bytes) -> Task | None:
    """The task that a webhook's body speaks of, by the poll answer that it carries; None where it speaks of none.

    An answer without an id or a status says nothing: the next poll will. Raises InvalidRequest for a body that is no JSON object.
    """
    try:
        event = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest.of(Violation("body", "has to be a JSON object")) from error
    answer = mapping(mapping(event.get("data")).get("payload"))
    task_id = _task_id(_info(answer))
    return polled(answer, task_id) if task_id and _word(_info(answer)) else None


def mime_of(url: str, kind: AssetKind) -> str:
    """The MIME type that the link's ending or else the kind suggests."""
    return _MIME_BY_SUFFIX.get(PurePosixPath(_path(url)).suffix.lower(), _MIME_BY_KIND[kind])


def _task(task_id: str, state: JobState, answer: Mapping[str, object]) -> Task:
    if state is JobState.FAILED:
        return Task(id=task_id, state=state, failure=_diagnosis(answer))
    if state is not JobState.SUCCEEDED:
        return Task(id=task_id, state=state)
    assets = _assets(answer)
    if assets:
        return Task(id=task_id, state=state, assets=assets, description=text(answer.get("description")))
    why = _diagnosis(answer) if _has_error(answer) else VendorFailed("MuleRun says that the task is done but links no file")
    return Task(id=task_id, state=JobState.FAILED, failure=why)


def _info(answer: Mapping[str, object]) -> Mapping[str, object]:
    return mapping(answer.get("task_info")) or answer


def _task_id(info: Mapping[str, object]) -> str:
    return code(info.get("id")) or code(info.get("task_id"))


def _word(info: Mapping[str, object]) -> str:
    return text(info.get("status")).strip().lower()


def _has_error(answer: Mapping[str, object]) -> bool:
    info = _info(answer)
    return bool(info.get("error") or answer.get("error") or code(info.get("error_code")) or code(answer.get("error_code")))


def _diagnosis(answer: Mapping[str, object]) -> VendorFailed:
    """What the vendor says went wrong: under `task_info.error`, flat beside the status, or at the top."""
    info = _info(answer)
    for place in ({"error": info.get("error")}, {"error": answer.get("error")}, _flat(info), _flat(answer)):
        said, vendor_code = told(place)
        if said or vendor_code:
            words = f": {said}" if said else " without diagnostic"
            number_of = f" (code {vendor_code})" if vendor_code else ""
            metadata = {"vendor_code": vendor_code} if vendor_code else {}
            return VendorFailed(f"the vendor failed the task{words}{number_of}", metadata=metadata)
    return VendorFailed("the vendor failed the task without diagnostic")


def _flat(found: Mapping[str, object]) -> Mapping[str, object]:
    return {key: found[key] for key in ("title", "detail", "message", "error_code") if key in found}


def _assets(answer: Mapping[str, object]) -> tuple[Asset, ...]:
    found = [(kind, url) for key, kind in _KEYS.items() for url in _urls(answer.get(key))]
    alone = len(found) == 1
    return tuple(
        Asset(
            kind=kind,
            url=url,
            mime_type=mime_of(url, kind),
            size_bytes=count(answer.get("audio_size")) if alone and kind is AssetKind.AUDIO else None,
            seconds=_seconds(answer.get("audio_length")) if alone and kind is AssetKind.AUDIO else None,
        )
        for kind, url in found
    )


def _urls(value: object) -> list[str]:
    """Links in a list, a lone link, or objects that hold one under `url`."""
    entries = [value] if isinstance(value, str | dict) else items(value)
    links = (text(entry) or text(mapping(entry).get("url")) for entry in entries)
    return [link for link in links if link.startswith(("https://", "http://"))]


def _seconds(value: object) -> float | None:
    found = number(value)
    return found if found is not None and found >= 0 else None


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
