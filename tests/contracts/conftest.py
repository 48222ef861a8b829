from collections.abc import Iterator

import pytest

from tests.hrana import Hrana, serving
from tests.postgres import Server, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL that runs for as long as the tests do."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def libsql() -> Iterator[Hrana]:
    """A libSQL server that runs for as long as the tests do."""
    with serving() as server:
        yield server


@pytest.fixture(params=["libsql", "postgres"])
async def shared(request: pytest.FixtureRequest) -> str:
    """The DSN of every kind of store that several cores may share, one after the other, empty."""
    server: Server | Hrana = request.getfixturevalue(request.param)
    return server.fresh() if isinstance(server, Hrana) else await server.fresh()
