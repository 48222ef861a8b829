"""What tools ask a server: reflection, in the two versions that are spoken, and channelz.

Channelz tells of every connection, so it is for the core's own socket: Envoy lets nobody call it from outside.
"""

from collections.abc import Sequence
from typing import Final

import grpc
import grpc.aio
from grpc_channelz.v1 import channelz, channelz_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

_V1: Final = "grpc.reflection.v1.ServerReflection"
"""Its messages are those of v1alpha byte for byte; only the service's name is another."""


def open_to_tools(server: grpc.aio.Server, names: Sequence[str]) -> None:
    """Adds both to the server; reflection lists `names` and itself."""
    servicer = reflection.aio.ReflectionServicer((*names, reflection.SERVICE_NAME))
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    talk = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_V1, {"ServerReflectionInfo": talk}),))
    channelz_pb2_grpc.add_ChannelzServicer_to_server(channelz.aio.ChannelzServicer(), server)
