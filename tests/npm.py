"""Node and the packages of a package.json, for tests that need them. Skipped, saying why, where they cannot be had."""

import shutil
from functools import cache
from pathlib import Path
from subprocess import run
from typing import Final

import pytest
from filelock import FileLock

ROOT: Final = Path(__file__).resolve().parent.parent
LEAST_NODE: Final = 20


def node_with(sources: Path, folder: Path) -> str:
    """The Node that runs what is in `folder`: the scripts of `sources`, with the packages of its package.json beside them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"what runs on Node is not tested: node and npm {LEAST_NODE} or newer are not on this machine's PATH")
    version = run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < LEAST_NODE:
        pytest.skip(f"what runs on Node is not tested: it needs node {LEAST_NODE} or newer, this is {version}")
    if complaint := _installed(npm, sources, folder):
        pytest.skip(f"what runs on Node is not tested: npm could not install its packages ({complaint})")
    return node


@cache
def _installed(npm: str, sources: Path, folder: Path) -> str:
    """Puts scripts and packages into `folder`; what npm complains of, or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        wanted = (sources / "package.json").read_text(encoding="utf-8")
        installed = folder / "installed.json"
        for script in sources.glob("*.mjs"):
            shutil.copy(script, folder)
        if installed.exists() and installed.read_text(encoding="utf-8") == wanted:
            return ""
        shutil.copy(sources / "package.json", folder)
        quiet = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=0")
        done = run([npm, "install", *quiet], cwd=folder, capture_output=True, text=True, check=False, timeout=100)
        if done.returncode:
            return next((line for line in done.stderr.splitlines() if line), f"exit code {done.returncode}")
        installed.write_text(wanted, encoding="utf-8")
        return ""
