from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.domain.ports import JobStore
from services.stores.dsn import open_store
from tests.postgres import Server, running

DSNS = {"memory": "memory:", "sqlite": "", "postgres": "postgresql:"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL that runs for as long as the tests do."""
    with running() as server:
        yield server


@pytest.fixture(params=sorted(DSNS))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[JobStore]:
    """Every store there is, one after the other, empty."""
    dsn = DSNS[request.param]
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        dsn = await server.fresh()
    opened = await open_store(dsn, tmp_path)
    yield opened
    await opened.close()
