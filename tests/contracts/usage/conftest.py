from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.domain.ports import UsageStore
from services.stores.dsn import open_usage_store
from tests.hrana import Hrana
from tests.postgres import Server

DSNS = {"memory": "memory:", "sqlite": "", "postgres": "postgresql:", "libsql": "libsql:"}


@pytest.fixture(params=sorted(DSNS))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UsageStore]:
    """Every store of records there is, one after the other, empty."""
    dsn = DSNS[request.param]
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        dsn = await server.fresh()
    if request.param == "libsql":
        remote: Hrana = request.getfixturevalue("libsql")
        dsn = remote.fresh()
    opened = await open_usage_store(dsn, tmp_path)
    yield opened
    await opened.close()
