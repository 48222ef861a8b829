"""The soak itself: a short one holds, and what does not hold is told."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cli2api.v1 import job_pb2

from tests.soak import page
from tests.soak.blows import Felt
from tests.soak.calls import OK, Answer, Call, refused
from tests.soak.ledger import Ledger
from tests.soak.plan import Blow, Plan, Shape
from tests.soak.run import Found, soak
from tests.soak.samples import Sample, life
from tests.soak.streams import held
from tests.soak.verdict import complaints, counted, failures

CALL = Call(kind="chat", endpoint="/v1/chat/completions", began=100.0, ended=101.0, answer=OK, faulty=False, sure=True)
CUT = Answer(said="cut off")
KILLED = Felt(blow=Blow.EDGE_KILLED, since=100.5, until=103.0)


@pytest.mark.wire
async def test_a_short_soak_with_every_blow_holds() -> None:
    with TemporaryDirectory(prefix="c2soak") as folder:
        found = await soak(Plan(shape=Shape.ONE, seconds=10.0, rate=10.0, seed=7, faults=0.05), Path(folder))
    assert complaints(found) == []
    assert {felt.blow for felt in found.felt} == {Blow.EDGE_KILLED, Blow.CORE_STOPPED, Blow.CORE_KILLED}
    assert len(found.calls) == 100
    assert len({call.kind for call in found.calls}) > 15
    assert found.paid
    assert {"envoy", "core", "edge", "serve"} == {sample.part for sample in found.samples}
    assert f"{len(found.ledger.jobs)} jobs" in page.told(found)


@pytest.mark.wire
async def test_streams_that_are_open_together_are_all_whole() -> None:
    seen = await held("relay", 60, 2.0, pause=0.5)
    assert seen.complaints == []
    assert seen.dropped == 0
    assert seen.later.keys() == {"envoy", "core", "edge", "serve"}


def a_life(*megabytes: int, files: int = 20) -> list[Sample]:
    return [
        Sample(at=30.0 * place, part="core", pid=1, resident=size * 1_000_000, files=files * place, threads=3, open_calls=0)
        for place, size in enumerate(megabytes)
    ]


def test_a_process_that_fills_up_and_then_stays_is_flat() -> None:
    assert life([replace(each, files=20) for each in a_life(40, 70, 90, 91, 91, 92, 91, 92, 91)]).complaints == []


def test_a_process_that_grows_is_told_with_its_figures() -> None:
    memory, files = life(a_life(60, 70, 80, 90, 100, 110, 120, 130, 140)).complaints
    assert memory == "memory of core grew from 100.0 to 130.0 MB within one life"
    assert files == "open files of core grew from 80 to 140 within one life"


def test_a_process_that_is_too_young_is_not_judged() -> None:
    assert life(a_life(10, 20, 40)).complaints == []


@pytest.mark.parametrize(
    ("call", "felt", "whose"),
    [
        (CALL, [], "nobody's"),
        (replace(CALL, answer=CUT), [], "unexplained"),
        (replace(CALL, answer=CUT), [KILLED], "blow"),
        (replace(CALL, answer=CUT, began=104.0, ended=105.0), [KILLED], "unexplained"),
        (replace(CALL, answer=CUT, faulty=True), [], "fault"),
        (replace(CALL, answer=Answer(said="500", proper=False), faulty=True), [KILLED], "unexplained"),
    ],
)
def test_a_failed_call_is_explained_by_a_fault_or_a_blow_or_not_at_all(call: Call, felt: list[Felt], whose: str) -> None:
    found = failures([call], felt)
    assert {name for name in ("fault", "blow", "unexplained") if getattr(found, name)} == {whose} - {"nobody's"}


def test_records_of_calls_that_met_a_blow_or_left_at_once_may_be_missing() -> None:
    later = replace(CALL, began=200.0, ended=201.0)
    calls = [CALL, later, replace(later, sure=False), replace(later, endpoint="")]
    assert counted(calls, [KILLED]) == {"/v1/chat/completions": (1, 3)}


def test_what_does_not_add_up_is_told() -> None:
    def job(number: int, prompt: str, state: job_pb2.JobState.ValueType) -> job_pb2.Job:
        return job_pb2.Job(id=f"video_{number}", prompt=prompt, state=state)

    ledger = Ledger()
    for each in (
        job(1, "twice", job_pb2.JOB_STATE_SUCCEEDED),
        job(2, "for nothing", job_pb2.JOB_STATE_SUCCEEDED),
        job(3, "still", job_pb2.JOB_STATE_RUNNING),
        job(4, "silent", job_pb2.JOB_STATE_FAILED),
    ):
        ledger.note(each)
    paid = Counter({"twice": 2, "lost": 1, "still": 1, "silent": 1})
    found = Found(plan=Plan(shape=Shape.ONE, seconds=1, rate=1, seed=1), ledger=ledger, paid=paid, calls=[CALL])
    assert complaints(found) == [
        "1 orders were paid twice: ['twice']",
        "1 tasks were paid and have no job: ['lost']",
        "1 jobs succeeded without a task: ['for nothing']",
        "1 jobs have not ended: ['video_3']",
        "1 paid jobs failed without a reason: ['silent']",
        "/v1/chat/completions has 0 records of usage, and had 1 to 1 calls",
    ]


@pytest.mark.parametrize(
    ("body", "proper"),
    [
        (b'{"error": {"message": "no", "type": "t", "param": null, "code": "c"}}', True),
        (b'{"type": "error", "error": {"type": "api_error", "message": "no"}, "request_id": "r"}', True),
        (b'{"error": {"message": "no"}}', False),
        (b"upstream connect error", False),
    ],
)
def test_an_error_is_proper_in_the_shapes_that_sdks_read(body: bytes, proper: bool) -> None:
    assert refused(503, body).proper is proper


@pytest.mark.parametrize("shape", Shape)
def test_blows_come_in_their_order_within_the_time(shape: Shape) -> None:
    plan = Plan(shape=shape, seconds=600, rate=1, seed=1)
    times = [at for at, _ in plan.blows]
    assert times == sorted(times)
    assert times[-1] < (300 if shape is Shape.ONE else 600)
    assert {blow for _, blow in plan.blows} == set(Blow)


def test_a_section_of_the_page_is_rewritten_and_the_rest_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "soak.md"
    copy.write_text(page.PAGE.read_text())
    monkeypatch.setattr(page, "PAGE", copy)
    page.rewrite("one", "the first run")
    page.rewrite("several", "the second run")
    page.rewrite("one", "the third run")
    told = copy.read_text()
    assert [run for run in ("the first run", "the second run", "the third run") if run in told] == [
        "the second run",
        "the third run",
    ]
    with pytest.raises(RuntimeError, match="has no place for nowhere"):
        page.rewrite("nowhere", "")
