"""What generated code adds its services to, so that a server, and a line, finds a method by its name and in no other way.

Generated code also registers each method beforehand. For every call that comes in, grpc.aio then waits anew on one task for each
such method, of which this core has over thirty; looking the name up in a dictionary costs next to nothing.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import grpc
import grpc.aio

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class _Details(NamedTuple):
    """What finding a method takes of a call."""

    method: str


class ByName:
    """Stands for `server` where services are added to it. `interceptors` are the server's own, the first one outermost."""

    def __init__(self, server: grpc.aio.Server, interceptors: Sequence[grpc.aio.ServerInterceptor]) -> None:
        self._server = server
        self._services: list[grpc.GenericRpcHandler] = []
        self._way: Callable[[Any], Awaitable[Handler | None]] = self._own
        for interceptor in reversed(interceptors):
            self._way = partial(interceptor.intercept_service, self._way)

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """The methods by their names."""
        services = tuple(generic_rpc_handlers)
        self._services += services
        self._server.add_generic_rpc_handlers(services)

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: "Mapping[str, grpc.RpcMethodHandler[Any, Any]]"
    ) -> None:
        """The same methods once more, which is left out."""

    async def find(self, method: str) -> "Handler | None":
        """The method as the server finds it for a call, its interceptors around it."""
        return await self._way(_Details(method))

    async def _own(self, details: Any) -> "Handler | None":
        return next(filter(None, (service.service(details) for service in self._services)), None)
