"""UsageService: this version keeps no records of usage, and says so."""

from cli2api.v1 import usage_pb2, usage_pb2_grpc

from services.api.patience import Context
from services.domain.errors import Unsupported


class Usage(usage_pb2_grpc.UsageServiceServicer):
    """Sums up the records of calls."""

    async def QueryUsage(  # noqa: N802
        self, request: usage_pb2.QueryUsageRequest, context: Context
    ) -> usage_pb2.QueryUsageResponse:
        """Refused, since there are no records to sum up."""
        raise Unsupported("this version of the gateway keeps no records of usage yet")
