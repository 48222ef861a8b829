"""What generated code adds its services to, so that a server finds a method by its name and in no other way.

Generated code also registers each method beforehand. For every call that comes in, grpc.aio then waits anew on one task for each
such method, of which this core has over thirty; looking the name up in a dictionary costs next to nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import grpc
import grpc.aio


class ByName:
    """Stands for `server` where services are added to it."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """The methods by their names."""
        self._server.add_generic_rpc_handlers(tuple(generic_rpc_handlers))

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: "Mapping[str, grpc.RpcMethodHandler[Any, Any]]"
    ) -> None:
        """The same methods once more, which is left out."""
