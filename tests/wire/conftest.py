"""Folders whose paths are short enough for unix sockets."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="c2a") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def module_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="c2a") as folder:
        yield Path(folder)
