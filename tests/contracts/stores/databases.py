"""Stores that are opened for a while."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from services.domain.ports import JobStore
from services.stores.dsn import open_store


@asynccontextmanager
async def opened(dsn: str, pool: int = 10) -> AsyncGenerator[JobStore]:
    store = await open_store(dsn, Path(), pool=pool)
    try:
        yield store
    finally:
        await store.close()
