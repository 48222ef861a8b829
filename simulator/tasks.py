"""MuleRun's tasks: how one advances, and the words in which its state is told."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from simulator.assets import SECONDS, Asset, assets_for
from simulator.catalog import Endpoint
from simulator.faults import ErrorIn, Fault, TaskScript
from simulator.options import Options, State, Words
from simulator.wire import Body, Json, new_id, timestamp

WORDS = {
    Words.PAGES: dict(zip(State, ("pending", "processing", "completed", "failed"), strict=True)),
    Words.ASYNC: dict(zip(State, ("queued", "running", "succeeded", "failed"), strict=True)),
}
"""Both vocabularies."""


@dataclass(slots=True, kw_only=True)
class Task:
    """One task. It advances by its pace until `forced` says otherwise."""

    id: str
    endpoint: Endpoint
    script: TaskScript
    assets: tuple[Asset, ...]
    hex_text: bool
    """Speech that was not asked for links answers with the sound itself, as hex text."""
    extras: dict[str, Json]
    """What a finished task tells beside its results."""
    born_s: float
    """On the clock by which tasks age."""
    created_at: float
    """Unix seconds."""
    polls: int = 0
    forced: State | None = None
    poll_faults: deque[Fault] = field(default_factory=deque)

    def state(self, options: Options) -> State:
        """Where the task is now."""
        if self.forced is not None:
            return self.forced
        pace = self.script.pace or options.pace
        reached = pace.state(options.elapsed() - self.born_s, self.polls)
        return State.FAILED if reached is State.COMPLETED and self.script.fail is not None else reached

    def fail(self, code: int, *, detail: str | None = None, error_in: ErrorIn = ErrorIn.CODE) -> None:
        """Ends the task in failure."""
        self.script = replace(self.script, fail=code, detail=detail or self.script.detail, error_in=error_in)
        self.forced = State.FAILED


class Tasks:
    """The tasks of one simulator; the oldest are forgotten first."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self.submissions = 0
        """How many tasks were ever made; each would have been paid for."""

    def __iter__(self) -> Iterator[Task]:
        return iter(tuple(self._tasks.values()))

    def find(self, task_id: str) -> Task | None:
        """The task, unless it never was, was deleted or is forgotten."""
        return self._tasks.get(task_id)

    def submit(self, endpoint: Endpoint, body: Body, fault: Fault | None) -> Task:
        """Makes a task of a body that was found good."""
        assets = assets_for(endpoint, body)
        task = Task(
            id=new_id(),
            endpoint=endpoint,
            script=(fault and fault.task) or TaskScript(),
            assets=assets,
            hex_text=endpoint.kind == "speech" and body.get("output_format") != "url",
            extras=_extras(endpoint, body, assets),
            born_s=self._options.elapsed(),
            created_at=self._options.now(),
            poll_faults=deque([fault.poll] * fault.poll_times if fault and fault.poll else ()),
        )
        self._tasks[task.id] = task
        self.submissions += 1
        if len(self._tasks) > self._options.keep_tasks:
            self._tasks.popitem(last=False)
        return task

    def delete(self, task: Task) -> None:
        """Removes the task and its files."""
        del self._tasks[task.id]

    def reset(self) -> None:
        """As if nothing had ever been submitted."""
        self._tasks.clear()
        self.submissions = 0


def submit_answer(task: Task, options: Options) -> dict[str, Json]:
    """The answer to a submit."""
    script = task.script
    word = WORDS[script.words or options.words][State.PENDING] if script.submit_word is None else script.submit_word
    at = timestamp(task.created_at)
    told: dict[str, Json] = {script.id_key: task.id, "status": word, "created_at": at, "updated_at": at}
    if not word:
        del told["status"]
    return {"task_info": told}


def poll_answer(task: Task, state: State, options: Options, origin: str) -> dict[str, Json]:
    """The answer to a poll of a task in this state; links begin with `origin`."""
    script = task.script
    word = WORDS[script.words or options.words][state] if script.word is None else script.word
    told: dict[str, Json] = {
        "id": task.id,
        "status": word,
        "created_at": timestamp(task.created_at),
        "updated_at": timestamp(options.now()),
    }
    if script.word is not None or not state.terminal:
        return {"task_info": told}
    if state is State.FAILED:
        return _failure(told, script)
    results = [] if script.no_assets else [_result(task, index, origin) for index in range(len(task.assets))]
    if script.singular and results:
        return {"task_info": told, task.endpoint.result.removesuffix("s"): results[0]}
    return {"task_info": told, task.endpoint.result: [*results], **task.extras}


def _failure(told: dict[str, Json], script: TaskScript) -> dict[str, Json]:
    code = 3001 if script.fail is None else script.fail
    key = "error_code" if script.error_in is ErrorIn.ERROR_CODE else "code"
    title = "Invalid Request" if code < 1000 else "Task Execution Error"
    error: Json = {key: code, "title": title, "detail": script.detail}
    if script.error_in is ErrorIn.NONE:
        return {"task_info": told}
    if script.error_in is ErrorIn.TOP:
        return {"task_info": told, "error": error}
    return {"task_info": {**told, "error": error}}


def _result(task: Task, index: int, origin: str) -> str:
    asset = task.assets[index]
    return asset.content.hex() if task.hex_text else f"{origin}/assets/{task.id}/result_{index:02}.{asset.format}"


def _extras(endpoint: Endpoint, body: Body, assets: tuple[Asset, ...]) -> dict[str, Json]:
    text = str(body.get("prompt", ""))
    if endpoint.kind == "speech":
        return {
            "audio_length": SECONDS,
            "audio_size": len(assets[0].content),
            "usage_characters": len(text),
            "word_count": len(text.split()),
        }
    if "/nano-banana" in endpoint.path:
        return {"description": f"A picture of: {text}"}
    return {}
