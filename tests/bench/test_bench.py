"""The bench itself: it reads what wrk prints, and it measures nothing that went wrong."""

import pytest

from tests.bench.load import Measure
from tests.bench.runs import read_wrk

WRK = """Running 2s test @ http://127.0.0.1:8080/v1/chat/completions
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.73ms  650.11us  21.02ms   93.31%
    Req/Sec    18.58k     1.10k   20.11k    75.00%
  Latency Distribution
     50%    1.50ms
     75%    1.88ms
     90%    2.19ms
     99%    4.00ms
  37010 requests in 2.00s, 14.19MB read
Requests/sec:  18481.92
Transfer/sec:      7.09MB
"""


def test_what_wrk_prints_becomes_a_measure() -> None:
    assert read_wrk(WRK) == Measure(requests=37010, errors=0, pieces=0, seconds=2.0, p50=0.0015, p99=0.004)


@pytest.mark.parametrize(
    "complaint", ["  Non-2xx or 3xx responses: 12\n", "  Socket errors: connect 0, read 3, write 0, timeout 0\n"]
)
def test_a_run_with_wrong_answers_is_no_measure(complaint: str) -> None:
    with pytest.raises(RuntimeError, match="did not get what it asked for"):
        read_wrk(WRK + complaint)
