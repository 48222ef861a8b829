from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.domain.ports import JobStore
from services.stores.dsn import open_store
from tests.hrana import Hrana, serving
from tests.postgres import Server, running

DSNS = {"memory": "memory:", "sqlite": "", "postgres": "postgresql:", "libsql": "libsql:"}


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


@pytest.fixture(params=sorted(DSNS))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[JobStore]:
    """Every store there is, one after the other, empty."""
    dsn = DSNS[request.param]
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        dsn = await server.fresh()
    if request.param == "libsql":
        remote: Hrana = request.getfixturevalue("libsql")
        dsn = remote.fresh()
    opened = await open_store(dsn, tmp_path)
    yield opened
    await opened.close()


@pytest.fixture(params=["libsql", "postgres"])
async def shared(request: pytest.FixtureRequest) -> str:
    """The DSN of every kind of store that several cores may share, one after the other, empty."""
    server: Server | Hrana = request.getfixturevalue(request.param)
    return server.fresh() if isinstance(server, Hrana) else await server.fresh()
