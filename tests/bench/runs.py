"""One run of load against one contender, by `tests.bench.load` in a process of its own, or by wrk where that is installed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.bench.contenders import wrk
from tests.bench.load import KEY, LONGEST, Measure, chat_body

_WRK_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def load(way: str, port: int, *, connections: int, seconds: float, stream: bool = False) -> Measure:
    """Asks over so many connections for so long. Raises RuntimeError where a single answer was not what was asked for."""
    argv = [sys.executable, "-m", "tests.bench.load", way, str(port), f"--connections={connections}", f"--seconds={seconds}"]
    done = subprocess.run(
        [*argv, *(["--stream"] if stream else [])], capture_output=True, text=True, timeout=LONGEST + 10, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the load on port {port} failed:\n{done.stderr}")
    measure = Measure(**json.loads(done.stdout))
    if measure.errors or not measure.requests or (stream and not measure.pieces):
        raise RuntimeError(f"the {way} answers on port {port} are wrong: {measure}")
    return measure


def load_json(folder: Path, port: int, *, connections: int, seconds: float) -> Measure:
    """Small JSON chat calls, by wrk where there is one, since it leaves more of the machine to what is measured."""
    program = wrk()
    if program is None:
        return load("http", port, connections=connections, seconds=seconds)
    script = folder / "chat.lua"
    body = chat_body(stream=False).decode().replace("'", "\\'")
    script.write_text(
        f"wrk.method = 'POST'\nwrk.body = '{body}'\n"
        f"wrk.headers['content-type'] = 'application/json'\nwrk.headers['authorization'] = 'Bearer {KEY}'\n"
    )
    argv = [program, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "-s", str(script)]
    done = subprocess.run(
        [*argv, f"http://127.0.0.1:{port}/v1/chat/completions"], capture_output=True, text=True, timeout=LONGEST, check=True
    )
    return read_wrk(done.stdout)


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
