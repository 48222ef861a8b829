"""What a soak has to have shown, as complaints where it has not. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.soak.blows import Felt
from tests.soak.calls import Call
from tests.soak.plan import Blow
from tests.soak.run import Found
from tests.soak.samples import life, lives

_OF_CORES: Final = frozenset({Blow.CORE_KILLED, Blow.CORE_STOPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Calls that did not go well, by what they said, and whose doing it was."""

    fault: Counter[str]
    """MuleRun's, as it was told to."""
    blow: Counter[str]
    """A part's that was just being killed or stopped."""
    unexplained: Counter[str]


def failures(calls: Iterable[Call], felt: Iterable[Felt]) -> Failures:
    """Puts every failed call where it belongs. What has no proper body is unexplained, whoever's doing it was."""
    blows = list(felt)
    found = Failures(fault=Counter(), blow=Counter(), unexplained=Counter())
    for call in calls:
        if call.answer.said == "ok":
            continue
        if not call.answer.proper:
            found.unexplained[f"{call.kind}: {call.answer.said}"] += 1
        elif call.faulty:
            found.fault[call.answer.said] += 1
        elif any(blow.meets(call.began, call.ended) for blow in blows):
            found.blow[call.answer.said] += 1
        else:
            found.unexplained[f"{call.kind}: {call.answer.said}"] += 1
    return found


def counted(calls: Iterable[Call], felt: Iterable[Felt]) -> dict[str, tuple[int, int]]:
    """How many records an endpoint has at least and at most.

    A call that met a blow may have lost its record with the core that died, or may never have reached one; so may one whose
    caller left at once.
    """
    blows = list(felt)
    found: dict[str, tuple[int, int]] = {}
    for call in calls:
        if call.endpoint:
            least, most = found.get(call.endpoint, (0, 0))
            is_sure = call.sure and not any(blow.meets(call.began, call.ended) for blow in blows)
            found[call.endpoint] = (least + is_sure, most + 1)
    return found


def complaints(found: Found) -> list[str]:
    """Everything that is not as it should be."""
    told = [f"{count} x {what}" for what, count in failures(found.calls, found.felt).unexplained.items()]
    told += [f"the gateway did not recover from: {each.blow}" for each in found.felt if not each.is_over]
    told += found.ledger.complaints(found.paid)
    told += [complaint for each in lives(found.samples).values() for complaint in life(each).complaints]
    for endpoint, (least, most) in counted(found.calls, found.felt).items():
        if not least <= found.recorded[endpoint] <= most:
            told.append(f"{endpoint} has {found.recorded[endpoint]} records of usage, and had {least} to {most} calls")
    if strangers := found.recorded.keys() - counted(found.calls, found.felt).keys():
        told.append(f"usage of what was not called: {sorted(strangers)}")
    if found.dropped:
        told.append(f"{found.dropped} records of usage were dropped")
    if found.overdue:
        told.append(f"{len(found.overdue)} jobs should have been forgotten: {found.overdue[:3]}")
    told += [f"{value:.0f} {name} were still open at the end" for name, value in found.still_open.items()]
    told += [f"the log has {count} x {what}" for what, count in found.logged.items()]
    return told


def percentiles(calls: Iterable[Call], kind: str) -> tuple[float, float]:
    """p50 and p99 in seconds, of the calls of that kind that went well."""
    took = sorted(call.ended - call.began for call in calls if call.kind == kind and call.answer.said == "ok") or [0.0]
    return took[len(took) // 2], took[len(took) * 99 // 100]
