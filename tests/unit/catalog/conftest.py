from collections.abc import Callable, Mapping
from typing import TypeAlias

import pytest

from services.catalog.catalog import Catalog
from services.catalog.shape import shape
from services.domain.errors import InvalidRequest
from services.domain.model import Json

Body: TypeAlias = dict[str, Json]
Fields: TypeAlias = Mapping[str, Json]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def body(catalog: Catalog) -> Callable[..., Body]:
    """The upstream body of a wish and, by name, of what comes in extra."""

    def shaped(model: str, wish: Fields, **extra: Json) -> Body:
        row = catalog.find(model)
        assert row is not None
        return shape(row, wish, extra)

    return shaped


@pytest.fixture
def violations(body: Callable[..., Body]) -> Callable[..., dict[str, str]]:
    """What is wrong with a wish: descriptions by the caller's field."""

    def refused(model: str, wish: Fields, **extra: Json) -> dict[str, str]:
        with pytest.raises(InvalidRequest) as caught:
            body(model, wish, **extra)
        return {violation.field: violation.description for violation in caught.value.violations}

    return refused
