"""How many cores and edges there are, and where each listens."""

import pytest

from cli import places
from services.settings import BadSetting, Settings

SHARED = {"CLI2API_JOBSTORE_DSN": "postgresql://user:secret@host/jobs"}


def settings(**given: str) -> Settings:
    return Settings.read({"HOME": "/", "CLI2API_STATE_DIR": "/state", **given})


def test_a_single_one_of_each_has_no_number() -> None:
    assert [(each.name, each.listen) for each in (*places.cores(settings()), *places.edges(settings()))] == [
        ("core", "unix:/state/run/core.sock"),
        ("edge", "unix:/state/run/edge.sock"),
    ]


def test_several_have_a_socket_or_a_port_each() -> None:
    several = settings(CLI2API_CORES="2", CLI2API_EDGES="3", CLI2API_EDGE_LISTEN="127.0.0.1:9000", **SHARED)

    assert [(each.name, each.listen) for each in places.cores(several)] == [
        ("core-0", "unix:/state/run/core-0.sock"),
        ("core-1", "unix:/state/run/core-1.sock"),
    ]
    assert [each.listen for each in places.edges(several)] == ["127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002"]


@pytest.mark.parametrize("dsn", ["", "memory:", "file:/jobs.db"])
def test_several_cores_with_jobs_that_only_one_can_keep_are_refused_with_the_fix(dsn: str) -> None:
    with pytest.raises(
        BadSetting,
        match=r"CLI2API_CORES is 2, .* job store that they can share: set CLI2API_JOBSTORE_DSN=postgresql://\S+ or libsql://",
    ):
        places.cores(settings(CLI2API_CORES="2", CLI2API_JOBSTORE_DSN=dsn))


def test_records_that_are_only_in_memory_cannot_be_shared_either() -> None:
    with pytest.raises(BadSetting, match="usage store that they can share: set CLI2API_USAGE_DSN=postgresql"):
        places.cores(settings(CLI2API_CORES="2", CLI2API_USAGE_DSN="memory:", **SHARED))


def test_a_bad_dsn_is_named_without_its_secrets() -> None:
    with pytest.raises(BadSetting, match=r"^CLI2API_JOBSTORE_DSN: ") as refused:
        places.cores(settings(CLI2API_CORES="2", CLI2API_JOBSTORE_DSN="mysql://user:secret@host/jobs"))
    assert "secret" not in str(refused.value)


def test_addresses_that_leave_no_room_are_named() -> None:
    with pytest.raises(BadSetting, match=r'CLI2API_EDGE_LISTEN is "127\.0\.0\.1:65535", too near the limit for 2 of them'):
        places.edges(settings(CLI2API_EDGES="2", CLI2API_EDGE_LISTEN="127.0.0.1:65535"))
