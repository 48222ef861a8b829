from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.domain.ports import UsageStore
from services.stores.dsn import open_usage_store

DSNS = {"memory": "memory:", "sqlite": ""}


@pytest.fixture(params=sorted(DSNS))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[UsageStore]:
    """Every store of records there is, one after the other, empty."""
    opened = await open_usage_store(DSNS[request.param], tmp_path)
    yield opened
    await opened.close()
