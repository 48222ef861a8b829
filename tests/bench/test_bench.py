"""The bench itself: it reads what wrk prints, and it measures nothing that went wrong."""

import pytest

from services.domain.model import Operation
from tests.bench.conversion import DELTAS, microseconds
from tests.bench.load import Measure
from tests.bench.runs import read_h2load, read_wrk
from tests.bench.tables import Table, markdown

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


H2LOAD = """finished in 2.01s, 388.06 req/s, 54.21KB/s
requests: 780 total, 780 started, 780 done, 780 succeeded, {failed} failed, 0 errored, 0 timeout
status codes: 780 2xx, 0 3xx, 0 4xx, 0 5xx
"""


def test_what_h2load_prints_becomes_a_measure() -> None:
    told = read_h2load(H2LOAD.format(failed=0), pieces=100)
    assert told == Measure(requests=780, errors=0, pieces=78_000, seconds=2.01, p50=0.0, p99=0.0)


def test_a_failed_call_is_no_measure() -> None:
    with pytest.raises(RuntimeError, match="did not get what it asked for"):
        read_h2load(H2LOAD.format(failed=3), pieces=0)


def test_a_table_becomes_markdown_and_a_chart() -> None:
    table = Table(title="chat", columns=["requests/s"], rows=[("direct", ["1,200"]), ("cli2api", ["900"])], chart=0)
    told = markdown([table])
    assert "| direct | 1,200 |\n| cli2api | 900 |" in told
    assert 'x-axis ["direct", "cli2api"]\n    bar [1200, 900]' in told


@pytest.mark.parametrize("operation", DELTAS)
def test_each_dialect_s_chunk_is_converted(operation: Operation) -> None:
    assert 0 < microseconds(operation) < 1000
