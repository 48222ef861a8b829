"""GatewayService: what runs here, and how it is to be called. Answers from what was known at the start."""

from dataclasses import dataclass
from importlib.resources import files

from cli2api.v1 import gateway_pb2, gateway_pb2_grpc

from services.api.convert import timestamp
from services.api.patience import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is true of this core from its start to its end."""

    version: str
    started_at: float
    """Unix seconds."""
    models: int
    max_request_bytes: int
    job_retention: float
    """Seconds; 0 keeps jobs for good."""


class Gateway(gateway_pb2_grpc.GatewayServiceServicer):
    """Describes the gateway."""

    def __init__(self, facts: Facts) -> None:
        self._answer = gateway_pb2.GetGatewayResponse(
            version=facts.version,
            start_time=timestamp(facts.started_at),
            model_count=facts.models,
            max_request_bytes=facts.max_request_bytes,
            job_retention_seconds=facts.job_retention,
            service_config_json=files("cli2api.v1").joinpath("service_config.json").read_text("utf-8"),
        )

    async def GetGateway(  # noqa: N802
        self, request: gateway_pb2.GetGatewayRequest, context: Context
    ) -> gateway_pb2.GetGatewayResponse:
        """The description."""
        return self._answer
