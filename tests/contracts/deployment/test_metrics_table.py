"""docs/metrics.md lists every metric of the code and no other."""

import re
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from cli.metrics import envoy
from cli.metrics.join import joined
from edge.metrics.registry import Metrics as EdgeMetrics
from services.lookout import Lookout
from services.metrics.readings import Readings
from tests.core import world

DOCUMENT: Final = (Path(__file__).resolve().parents[3] / "docs" / "metrics.md").read_text()


def exposed(registry: CollectorRegistry) -> dict[str, frozenset[str]]:
    """The metrics of a registry as a scrape names them, with their labels."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): frozenset(
            label for sample in family.samples for label in sample.labels if label != "le"
        )
        for family in registry.collect()
    }


def documented() -> dict[str, frozenset[str]]:
    """The metrics of the document, with their labels where the row tells them."""
    rows = re.findall(r"^\| `((?:cli2api|process|python|envoy)_\w+)` \|([^|\n]*)\|", DOCUMENT, flags=re.MULTILINE)
    return {name: frozenset(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


async def test_every_metric_of_core_edge_and_supervisor_is_in_the_document_and_no_other(tmp_path: Path) -> None:
    lookout = Lookout({}, "mulerun.test")
    assert lookout.rings  # the calls' own metrics come with their ring
    async with world(tmp_path) as here:
        parts = here.core.parts
        lookout.metrics.registry.register(Readings(recorder=parts.recorder, credentials=parts.credentials, copies=lookout.copies))
        of_core = exposed(lookout.metrics.registry)
    known = {*of_core, *exposed(EdgeMetrics().registry), "cli2api_part_up", "cli2api_part_restarts_total", *envoy.FAMILIES}
    assert set(documented()) == known


def test_a_scrape_has_nothing_beside_a_metric_that_says_when_it_began() -> None:
    core, edge = Lookout({}, "mulerun.test").metrics, EdgeMetrics()
    core.usage_written.inc()
    edge.loop_lag.observe(0.001)
    for registry, family in (
        (core.registry, b"cli2api_usage_records_written_total 1.0"),
        (edge.registry, b"cli2api_event_loop_lag_seconds_count 1.0"),
    ):
        told = generate_latest(registry)
        assert family in told
        assert b"_created" not in told


@pytest.mark.parametrize("name", sorted(documented()))
def test_every_metric_is_named_as_prometheus_does(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert "milliseconds" not in name


def test_families_of_several_parts_are_joined_into_one() -> None:
    core = '# HELP a_total A.\n# TYPE a_total counter\na_total{m="x{y}"} 2.0\n'
    core += '# HELP b B.\n# TYPE b histogram\nb_bucket{le="1"} 1\nb_sum 0.5\n'
    edge = "# HELP a_total A.\n# TYPE a_total counter\na_total 3.0\n"
    assert joined({"core-1": core, "edge": edge, "envoy": ""}) == (
        "# HELP a_total A.\n# TYPE a_total counter\n"
        'a_total{part="core",number="1",m="x{y}"} 2.0\n'
        'a_total{part="edge"} 3.0\n'
        "# HELP b B.\n# TYPE b histogram\n"
        'b_bucket{part="core",number="1",le="1"} 1\n'
        'b_sum{part="core",number="1"} 0.5\n'
    )


def test_of_envoy_only_the_chosen_families_pass() -> None:
    told = "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n# TYPE envoy_server_state gauge\nenvoy_server_state{} 0\n"
    assert envoy.chosen(told) == "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n"
