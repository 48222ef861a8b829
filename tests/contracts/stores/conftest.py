from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.domain.ports import JobStore
from services.stores.dsn import open_store

DSNS = {"memory": "memory:", "sqlite": ""}


@pytest.fixture(params=sorted(DSNS))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[JobStore]:
    """Every store there is, one after the other, empty."""
    opened = await open_store(DSNS[request.param], tmp_path)
    yield opened
    await opened.close()
