"""UsageService: sums up the records of calls. What was recorded before the question is in the answer."""

import math
from collections.abc import Mapping
from typing import Final

from cli2api.v1 import usage_pb2, usage_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.api.convert import timestamp
from services.api.patience import Context
from services.catalog.catalog import Catalog
from services.domain.errors import InvalidRequest, Violation
from services.domain.ports import Clock, UsageStore
from services.domain.usage import COUNTS, Sums, UsageGroup, UsageQuery, totals
from services.usage.recorder import Recorder

GROUPS: Final[Mapping[int, UsageGroup]] = {
    usage_pb2.USAGE_GROUP_UNSPECIFIED: UsageGroup.MODEL,
    usage_pb2.USAGE_GROUP_MODEL: UsageGroup.MODEL,
    usage_pb2.USAGE_GROUP_ENDPOINT: UsageGroup.ENDPOINT,
    usage_pb2.USAGE_GROUP_STATUS: UsageGroup.STATUS,
    usage_pb2.USAGE_GROUP_DAY: UsageGroup.DAY,
    usage_pb2.USAGE_GROUP_HOUR: UsageGroup.HOUR,
}
USUAL_SPAN: Final = 24 * 3600.0
"""Seconds that are summed up where no beginning is given."""


class Usage(usage_pb2_grpc.UsageServiceServicer):
    """Sums over the records of a store, which `recorder` writes."""

    def __init__(self, *, store: UsageStore, recorder: Recorder, catalog: Catalog, clock: Clock, under_way: float = 0.0) -> None:
        """`under_way` is how many seconds the record of a call that has ended may need until it is taken in."""
        self._store = store
        self._recorder = recorder
        self._catalog = catalog
        self._clock = clock
        self._under_way = under_way

    async def QueryUsage(  # noqa: N802
        self, request: usage_pb2.QueryUsageRequest, context: Context
    ) -> usage_pb2.QueryUsageResponse:
        """The sums of each bucket, and of all."""
        query = self._query(request)
        if self._under_way:
            await self._clock.sleep(self._under_way)
        await self._recorder.flush()
        rows = await self._store.sums(query)
        return usage_pb2.QueryUsageResponse(
            from_time=timestamp(query.since),
            to_time=timestamp(query.until),
            rows=[_row(each) for each in rows],
            totals=_row(totals(rows)),
            dropped=self._recorder.dropped,
        )

    def _query(self, request: usage_pb2.QueryUsageRequest) -> UsageQuery:
        """What is asked for. Without an end it is all until now: to the end of this second, so that the span is a whole one."""
        until = _moment(request, "to_time")
        until = math.floor(self._clock.now()) + 1.0 if until is None else until
        since = _moment(request, "from_time")
        since = until - USUAL_SPAN if since is None else since
        violations = []
        if since >= until:
            violations.append(Violation("from_time", "has to be before the end of the span, which is now where none is given"))
        group = GROUPS.get(request.group_by)
        if group is None:
            violations.append(Violation("group_by", f"is {request.group_by}, which is no USAGE_GROUP of the contract"))
        if group is None or violations:
            raise InvalidRequest.of(*violations)
        known = self._catalog.find(request.model)
        return UsageQuery(
            since=since, until=until, group=group, model=known.id if known else request.model, endpoint=request.endpoint
        )


def _moment(request: usage_pb2.QueryUsageRequest, field: str) -> float | None:
    if not request.HasField(field):  # type: ignore[arg-type]
        return None
    moment: Timestamp = getattr(request, field)
    return moment.seconds + moment.nanos / 1e9


def _row(sums: Sums) -> usage_pb2.UsageRow:
    return usage_pb2.UsageRow(bucket=sums.bucket, **{name: getattr(sums, name) for name in COUNTS})
