"""Sums of usage in our own words: a query to QueryUsageRequest, and its answer back to JSON. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from cli2api.v1 import usage_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from edge.dialects.fields import WrongField

CALLERS_WORDS: Final[Mapping[str, str]] = {"from_time": "from", "to_time": "to"}
"""The contract's field names that this dialect calls otherwise."""

GROUPS: Final[Mapping[str, usage_pb2.UsageGroup.ValueType]] = {
    "model": usage_pb2.USAGE_GROUP_MODEL,
    "endpoint": usage_pb2.USAGE_GROUP_ENDPOINT,
    "status": usage_pb2.USAGE_GROUP_STATUS,
    "day": usage_pb2.USAGE_GROUP_DAY,
    "hour": usage_pb2.USAGE_GROUP_HOUR,
}
FIELDS: Final = ("from", "to", "group_by", "model", "endpoint")
COUNTS: Final = tuple(field.name for field in usage_pb2.UsageRow.DESCRIPTOR.fields if field.name != "bucket")
"""Names of what is summed up."""

_SECONDS: Final = re.compile(r"\d{1,11}(\.\d{1,9})?", re.ASCII)
# In a query a plus sign that nobody escaped arrives as a space.
_RFC_3339: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:([Zz])|([+ -])(\d\d:\d\d))", re.ASCII)


def query(given: Iterable[tuple[str, str]]) -> usage_pb2.QueryUsageRequest:
    """What the query of GET /v1/usage asks for; an empty field counts as absent. Raises WrongField."""
    asked = {name: text for name, text in given if text}
    for name in asked:
        if name not in FIELDS:
            raise WrongField(name, f"is no field of this query; known are {', '.join(FIELDS)}")
    group = asked.get("group_by", "model")
    if group not in GROUPS:
        raise WrongField("group_by", f"takes {', '.join(GROUPS)}")
    return usage_pb2.QueryUsageRequest(
        from_time=_moment("from", asked.get("from", "")),
        to_time=_moment("to", asked.get("to", "")),
        group_by=GROUPS[group],
        model=asked.get("model", ""),
        endpoint=asked.get("endpoint", ""),
    )


def answer(found: usage_pb2.QueryUsageResponse, asked: usage_pb2.QueryUsageRequest) -> dict[str, Any]:
    """The sums, and what they are sums of; moments are unix seconds."""
    words = {number: word for word, number in GROUPS.items()}
    return {
        "object": "usage",
        "from": _seconds(found.from_time),
        "to": _seconds(found.to_time),
        "group_by": words[asked.group_by],
        "filter": {"model": asked.model or None, "endpoint": asked.endpoint or None},
        "rows": [{"bucket": row.bucket, **_counts(row)} for row in found.rows],
        "totals": _counts(found.totals),
        "dropped": found.dropped,
    }


def _counts(row: usage_pb2.UsageRow) -> dict[str, int]:
    return {name: getattr(row, name) for name in COUNTS}


def _seconds(moment: Timestamp) -> int | float:
    return moment.seconds + moment.nanos / 1e9 if moment.nanos else moment.seconds


def _moment(name: str, text: str) -> Timestamp | None:
    if not text:
        return None
    if _SECONDS.fullmatch(text):
        whole, _, fraction = text.partition(".")
        return Timestamp(seconds=int(whole), nanos=int(fraction.ljust(9, "0")))
    wrong = WrongField(name, f'takes unix seconds, or a moment of RFC 3339 as in 2027-01-15T08:00:00Z, not "{text[:40]}"')
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise wrong
    day, time, _, sign, offset = found.groups()
    zone = f"{'-' if sign == '-' else '+'}{offset}" if offset else "+00:00"
    moment = Timestamp()
    try:
        moment.FromDatetime(datetime.fromisoformat(f"{day}T{time}{zone}"))
    except (ValueError, OverflowError) as error:
        raise wrong from error
    return moment
