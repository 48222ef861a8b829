"""Two gateways of others, measured beside ours: installed under build/bench on demand, and left out where they are not there."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from tests.bench.contenders import Contender, free_port, running, wait_until_answered
from tests.bench.load import KEY, MODEL

HOME: Final = Path(__file__).parents[2] / "build" / "bench"
LITELLM: Final = HOME / "litellm" / "bin" / "litellm"
PORTKEY: Final = HOME / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
LITELLM_WORKERS: Final = 2
_INSTALLING: Final = 900.0
"""Seconds that an installation gets."""


def install() -> list[str]:
    """Installs what is not there yet; answers in words what could not be."""
    HOME.mkdir(parents=True, exist_ok=True)
    wanted = {
        "LiteLLM": (LITELLM, [[sys.executable, "-m", "venv", "litellm"], ["litellm/bin/pip", "install", "-q", "litellm[proxy]"]]),
        "Portkey": (PORTKEY, [["npm", "install", "--silent", "--no-audit", "--prefix", "portkey", "@portkey-ai/gateway"]]),
    }
    missing = []
    for name, (program, commands) in wanted.items():
        try:
            for command in [] if program.exists() else commands:
                subprocess.run(command, cwd=HOME, check=True, capture_output=True, text=True, timeout=_INSTALLING)
        except (OSError, subprocess.SubprocessError) as error:
            missing.append(f"{name} could not be installed: {error}")
    return missing


@contextmanager
def portkey(folder: Path, upstream_port: int) -> Generator[Contender | None]:
    """Portkey's gateway for Node; None where it is not installed. It answers the bench's streams with 500."""
    node = shutil.which("node")
    if node is None or not PORTKEY.exists():
        yield None
        return
    port, log = free_port(), folder / "portkey.log"
    headers = {
        "authorization": f"Bearer {KEY}",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{upstream_port}/v1",
    }
    with running([node, str(PORTKEY), f"--port={port}", "--headless"], log) as process:
        wait_until_answered(port, "/", process, log)
        yield Contender(name="Portkey", http_port=port, headers=headers, streams=False, process=psutil.Process(process.pid))


@contextmanager
def litellm(folder: Path, upstream_port: int) -> Generator[Contender | None]:
    """LiteLLM's proxy with two workers; None where it is not installed."""
    if not LITELLM.exists():
        yield None
        return
    port, log, config = free_port(), folder / "litellm.log", folder / "litellm.json"
    told = {"model": f"openai/{MODEL}", "api_base": f"http://127.0.0.1:{upstream_port}/v1", "api_key": "sk-bench"}
    # It is reached from this machine only, and its price list would be fetched from elsewhere.
    settings = {"dangerously_permit_weak_or_unset_master_key": True}
    config.write_text(json.dumps({"model_list": [{"model_name": MODEL, "litellm_params": told}], "general_settings": settings}))
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    argv = [str(LITELLM), f"--config={config}", f"--port={port}", "--host=127.0.0.1", f"--num_workers={LITELLM_WORKERS}"]
    with running(argv, log, environ=environ) as process:
        wait_until_answered(port, "/health/liveliness", process, log, patience=240.0)
        name = f"LiteLLM, {LITELLM_WORKERS} workers"
        yield Contender(name=name, http_port=port, process=psutil.Process(process.pid))
