"""CatalogService: tells which models there are, from the catalog alone."""

import json
from typing import Final

from cli2api.v1 import catalog_pb2, catalog_pb2_grpc

from services.api import pages
from services.api.convert import model_kinds, model_to_proto
from services.api.patience import Context
from services.catalog.catalog import Catalog
from services.catalog.schema import parameters
from services.domain.errors import InvalidRequest, Violation
from services.domain.model import MEDIA_KINDS, ModelKind

_LONGEST_PAGE: Final = 1000


class Models(catalog_pb2_grpc.CatalogServiceServicer):
    """The catalog's rows, in its order."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def ListModels(  # noqa: N802
        self, request: catalog_pb2.ListModelsRequest, context: Context
    ) -> catalog_pb2.ListModelsResponse:
        """A page of models without their parameters."""
        size = pages.page_size(request.page_size, default=_LONGEST_PAGE, most=_LONGEST_PAGE)
        kinds = model_kinds(request.kinds)
        question = f"models {sorted(kinds)}"
        start = pages.position(request.page_token, question)
        first = max(0, int(start[0])) if start else 0
        rows = [model for model in self._catalog.models if not kinds or model.kind in kinds]
        end = first + size
        return catalog_pb2.ListModelsResponse(
            models=[model_to_proto(each, aliases=self._catalog.names_of(each)) for each in rows[first:end]],
            next_page_token=pages.token((end, ""), question) if end < len(rows) else "",
        )

    async def GetModel(  # noqa: N802
        self, request: catalog_pb2.GetModelRequest, context: Context
    ) -> catalog_pb2.GetModelResponse:
        """One model, with the JSON Schema of its parameters."""
        if not request.id:
            raise InvalidRequest.of(Violation("id", "is required"))
        model = self._catalog.find(request.id) or self._catalog.media(request.id, *ModelKind)
        schema = json.dumps(parameters(model), ensure_ascii=False) if model.kind in MEDIA_KINDS else ""
        told = model_to_proto(model, aliases=self._catalog.names_of(model), parameters_json=schema)
        return catalog_pb2.GetModelResponse(model=told)
