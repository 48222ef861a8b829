"""One run of load against one contender, in a process of its own: wrk and h2load where they are installed, else `load`."""

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cli2api.v1 import text_pb2
from google.protobuf.message import Message

from tests.bench.contenders import wrk
from tests.bench.load import KEY, LONGEST, MODEL, Measure, chat_body, relayed, typed
from tests.bench.upstream import CHUNKS_PER_STREAM, SLOW_CHUNKS, SLOW_SECONDS

KEYED: Final[Mapping[str, str]] = {"authorization": f"Bearer {KEY}"}
_WRK_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def load(
    way: str,
    port: int,
    *,
    connections: int,
    seconds: float,
    stream: bool = False,
    rate: float = 0.0,
    pace: str = "",
    headers: Mapping[str, str] = KEYED,
) -> Measure:
    """Asks over so many connections for so long. Raises RuntimeError where a single answer was not what was asked for."""
    longest = LONGEST + (SLOW_CHUNKS * SLOW_SECONDS * 2 if pace == "slow" else 0)
    argv = [sys.executable, "-m", "tests.bench.load", way, str(port), f"--connections={connections}", f"--seconds={seconds}"]
    flags = [f"--rate={rate}", f"--longest={longest}", f"--headers={json.dumps(dict(headers))}"]
    flags += [f"--pace={pace}", *(["--stream"] if stream else [])]
    done = subprocess.run([*argv, *flags], capture_output=True, text=True, timeout=longest + 10, check=False)
    if done.returncode:
        raise RuntimeError(f"the load on port {port} failed:\n{done.stderr}")
    measure = Measure(**json.loads(done.stdout))
    if measure.errors or not measure.requests or (stream and not measure.pieces):
        raise RuntimeError(f"the {way} answers on port {port} are wrong: {measure}")
    return measure


def load_json(folder: Path, port: int, *, connections: int, seconds: float, headers: Mapping[str, str] = KEYED) -> Measure:
    """Small JSON chat calls, by wrk where there is one, since it leaves more of the machine to what is measured."""
    program = wrk()
    if program is None:
        return load("http", port, connections=connections, seconds=seconds, headers=headers)
    script = folder / "chat.lua"
    body = chat_body(stream=False).decode().replace("'", "\\'")
    told = {"content-type": "application/json", **headers}
    script.write_text(
        f"wrk.method = 'POST'\nwrk.body = '{body}'\n"
        + "".join(f"wrk.headers['{name}'] = '{value}'\n" for name, value in told.items())
    )
    argv = [
        program,
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "10s",
        "--latency",
        "-s",
        str(script),
    ]
    done = subprocess.run(
        [*argv, f"http://127.0.0.1:{port}/v1/chat/completions"], capture_output=True, text=True, timeout=LONGEST, check=True
    )
    return read_wrk(done.stdout)


def load_grpc(folder: Path, port: int, way: str, *, connections: int, seconds: float, stream: bool = False) -> Measure:
    """gRPC calls, by h2load where there is one; a first call over the stubs shows that the answers are right."""
    program = shutil.which("h2load")
    if program is None or way == "line":
        return load(way, port, connections=connections, seconds=seconds, stream=stream)
    load(way, port, connections=1, seconds=0.2, stream=stream)
    method, request = _frame(way, stream=stream)
    frame = folder / f"{method}.bin"
    written = request.SerializeToString()
    frame.write_bytes(b"\0" + len(written).to_bytes(4, "big") + written)
    headers = ("content-type: application/grpc", "te: trailers", f"authorization: Bearer {KEY}")
    argv = [program, "-c4", f"-m{math.ceil(connections / 4)}", f"-D{max(1, round(seconds))}", "-d", str(frame)]
    done = subprocess.run(
        [*argv, *(f"-H{each}" for each in headers), f"http://127.0.0.1:{port}/cli2api.v1.TextService/{method}"],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=True,
    )
    return read_h2load(done.stdout, pieces=CHUNKS_PER_STREAM if stream else 0)


def _frame(way: str, *, stream: bool) -> tuple[str, Message]:
    """Method and request of one call."""
    if way == "relay":
        call = relayed(stream=stream)
        return ("Relay", call) if stream else ("RelayWhole", text_pb2.RelayWholeRequest(call=call))
    if stream:
        return "StreamGenerate", text_pb2.StreamGenerateRequest(model=MODEL, messages=typed())
    return "Generate", text_pb2.GenerateRequest(model=MODEL, messages=typed())


def read_h2load(told: str, *, pieces: int) -> Measure:
    """What h2load prints, as a Measure without latencies; `pieces` are in each answer. Raises RuntimeError where one failed."""
    took = re.search(r"finished in ([\d.]+)(us|ms|s|m)\b", told)
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", told)
    codes = re.search(r"(\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", told)
    if took is None or counts is None or codes is None or int(counts[2]) or int(counts[3]) or int(codes[3]) or int(codes[4]):
        raise RuntimeError(f"h2load did not get what it asked for:\n{told}")
    requests, seconds = int(counts[1]), float(took[1]) * _WRK_UNITS[took[2]]
    if not requests:
        raise RuntimeError(f"h2load was not answered at all:\n{told}")
    return Measure(requests=requests, errors=0, pieces=requests * pieces, seconds=seconds, p50=0.0, p99=0.0)


def read_wrk(told: str) -> Measure:
    """What wrk prints, as a Measure. Raises RuntimeError where an answer was no 2xx or a socket broke."""
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)\b", told)
    percentiles = {
        int(share): float(value) * _WRK_UNITS[unit]
        for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s|m)\b", told)
    }
    if total is None or "Non-2xx" in told or re.search(r"Socket errors:.*[1-9]", told):
        raise RuntimeError(f"wrk did not get what it asked for:\n{told}")
    return Measure(
        requests=int(total[1]),
        errors=0,
        pieces=0,
        seconds=float(total[2]) * _WRK_UNITS[total[3]],
        p50=percentiles[50],
        p99=percentiles[99],
    )
