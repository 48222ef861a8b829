"""The client as it is installed: its sdist and its wheel hold the contract, and work without the gateway."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[3]
CLIENT: Final = ROOT / "client"
USES_IT: Final = """
import sys
sys.path.insert(0, sys.argv[1])
sys.path[:] = [path for path in sys.path if path not in sys.argv[2:]]
import cli2api_client, cli2api.v1
from cli2api_client import aio, channel
assert cli2api_client.__file__.startswith(sys.argv[1]), cli2api_client.__file__
assert list(cli2api.v1.__path__)[0].startswith(sys.argv[1]), cli2api.v1.__path__
assert channel.service_config()["methodConfig"]
with cli2api_client.connect("127.0.0.1:9", key="k") as gateway:
    gateway.media.CreateVideo, gateway.jobs.WaitJob
assert not {"services", "edge", "cli"} & set(sys.modules)
"""


def built(project: Path, target: str, into: Path) -> Path:
    """What hatchling makes of the project."""
    argv = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    done = subprocess.run(argv, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [made] = into.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return made


def files_of(folder: Path) -> set[str]:
    """The files that a package shall bring."""
    return {
        path.relative_to(folder.parent).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(name="wheel")
def _wheel(tmp_path: Path) -> Path:
    return built(CLIENT, "wheel", tmp_path / "wheel")


def test_the_wheel_holds_the_client_and_the_contract_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
    assert names == files_of(CLIENT / "cli2api_client") | files_of(ROOT / "proto" / "cli2api")
    needs = {line.split(" ")[1].split(">")[0] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")}
    assert needs == {"grpcio", "grpcio-status", "googleapis-common-protos", "protobuf"}


def test_a_wheel_made_from_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    sdist = built(CLIENT, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [unpacked] = tmp_path.glob("cli2api_client-*/")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(built(unpacked, "wheel", tmp_path / "again")) as other:
        assert {name: one.read(name) for name in one.namelist()} == {name: other.read(name) for name in other.namelist()}


def test_the_wheel_works_where_there_is_no_gateway(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    hidden = [str(ROOT), str(ROOT / "proto"), str(CLIENT)]
    argv = [sys.executable, "-I", "-c", USES_IT, str(tmp_path / "installed"), *hidden]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_folder_without_the_contract_says_what_is_missing(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((CLIENT / name).read_bytes())
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "build from a whole checkout" in done.stderr


def test_the_licence_is_the_project_s() -> None:
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
