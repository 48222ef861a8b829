"""Dockerfile and docker-compose.yml, held against the code, since no container engine runs where the tests do."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from cli.__main__ import VERBS
from edge.settings import Settings as EdgeSettings
from services.settings import FROM_FILE, Settings, names
from services.stores.dsn import Kind, parse
from services.stores.purpose import JOBS, USAGE

ROOT: Final = Path(__file__).resolve().parents[3]
BIN: Final = Path(sys.executable).parent
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS: Final = ("core", "edge", "envoy")
SETTINGS: Final = {*names(), *(f"{name}_FILE" for name in FROM_FILE)}


@dataclass(slots=True)
class Stage:
    """One stage of the Dockerfile, with what it inherits from earlier ones."""

    parent: str
    environ: dict[str, str] = field(default_factory=dict)
    ports: set[int] = field(default_factory=set)
    copies: list[str] = field(default_factory=list)
    user: str = "root"
    probe: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def stages() -> dict[str, Stage]:
    text = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE))
    found: dict[str, Stage] = {}
    stage = Stage(parent="")
    for word, rest in re.findall(r"^([A-Z]+) +(.*)$", text, flags=re.MULTILINE):
        match word:
            case "FROM":
                parent, _, name = rest.split()
                above = found.get(parent, Stage(parent=""))
                stage = found[name] = Stage(parent=parent, environ=dict(above.environ), user=above.user)
            case "ENV":
                stage.environ |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case "EXPOSE":
                stage.ports |= {int(port) for port in rest.split()}
            case "COPY" if not rest.startswith("--from"):
                stage.copies += rest.split()[:-1]
            case "USER":
                stage.user = rest
            case "HEALTHCHECK":
                stage.probe = json.loads(rest.partition("CMD ")[2])
            case "CMD":
                stage.command = json.loads(rest)
    return found


STAGES: Final = stages()


def environment_of(part: str) -> dict[str, str]:
    """What a container of ours is started with."""
    given: dict[str, str] = COMPOSE["services"][part].get("environment", {})
    return STAGES[part].environ | given


def test_the_compose_file_keeps_to_the_specification() -> None:
    schema = json.loads(Path(__file__).with_name("compose.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)


def test_every_part_is_built_from_a_stage_of_the_dockerfile() -> None:
    targets = {name: service["build"]["target"] for name, service in COMPOSE["services"].items() if "build" in service}
    assert targets == {name: name for name in OURS}
    assert set(OURS) <= set(STAGES)


def test_whatever_the_build_copies_is_there_and_not_ignored() -> None:
    kept = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name.removeprefix("./") for stage in STAGES.values() for name in stage.copies}
    assert copied == kept
    assert [name for name in sorted(copied) if not (ROOT / name).exists()] == []


def test_the_build_copies_all_that_the_wheel_is_made_of() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {Path(package).parts[0] for package in wheel} <= set(STAGES["build"].copies)


@pytest.mark.parametrize("part", OURS)
def test_a_part_runs_as_nobody_special_and_cannot_change_itself(part: str) -> None:
    service = COMPOSE["services"][part]
    assert STAGES[part].user == "10001:10001"
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("part", OURS)
def test_a_part_is_given_only_settings_that_exist(part: str) -> None:
    ours = {name for name in environment_of(part) if name.startswith(("CLI2API_", "MULERUN_"))}
    assert ours - SETTINGS == set()


@pytest.mark.parametrize("part", OURS)
def test_a_secret_comes_as_a_file_that_the_part_was_given(part: str) -> None:
    service = COMPOSE["services"][part]
    files = {value for name, value in environment_of(part).items() if name.endswith("_FILE")}
    assert files == {f"/run/secrets/{name}" for name in service.get("secrets", [])}
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert not set(FROM_FILE) & set(environment_of(part)), "a secret stands in the file itself"


@pytest.mark.parametrize("part", OURS)
def test_a_part_is_started_by_a_command_that_exists(part: str) -> None:
    for words in (STAGES[part].command, STAGES[part].probe):
        shell = words[2] if words[:2] == ["sh", "-c"] else shlex.join(words)
        for command in re.split(r" && (?:exec )?", shell):
            program, *rest = shlex.split(command)
            if program == "python":
                assert rest[0] == "-m"
                assert importlib.util.find_spec(rest[1]) is not None, rest[1]
            else:
                assert (BIN / program).exists(), program
            if program == "cli2api":
                assert rest[0] in VERBS


def test_the_core_listens_where_edge_envoy_and_its_probe_look_for_it(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("one,two")
    secrets = ("CLI2API_JOBSTORE_DSN_FILE", "CLI2API_USAGE_DSN_FILE", "MULERUN_TOKEN_FILE")
    elsewhere = {"CLI2API_API_KEYS_FILE": str(tmp_path / "keys"), **dict.fromkeys(secrets, "")}
    environ = environment_of("core") | elsewhere
    settings = Settings.read(environ)
    assert settings.core_listen == "0.0.0.0:50052"
    assert STAGES["core"].ports == {50052}
    assert STAGES["core"].probe[-1] == "grpc://127.0.0.1:50052"
    assert environment_of("edge")["CLI2API_CORE_TARGET"] == "core:50052"
    assert "--core core:50052" in STAGES["envoy"].command[2]
    assert f"state:{settings.state_dir}" in COMPOSE["services"]["core"]["volumes"]


def test_the_edge_listens_where_envoy_and_its_probe_look_for_it() -> None:
    settings = EdgeSettings.read(environment_of("edge"))
    assert settings.listen == "0.0.0.0:8081"
    assert STAGES["edge"].ports == {8081}
    assert STAGES["edge"].probe[-1] == "http://127.0.0.1:8081/readyz"
    assert "--edge edge:8081" in STAGES["envoy"].command[2]


def test_envoy_takes_the_files_that_its_container_writes(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("one,two")
    render, run = STAGES["envoy"].command[2].split(" && exec ")
    folder = tmp_path / "envoy"
    argv = [word if word != "/run/envoy" else str(folder) for word in shlex.split(render)]
    done = subprocess.run(
        [BIN / argv[0], *argv[1:]],
        env={"CLI2API_API_KEYS_FILE": str(tmp_path / "keys"), "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    flags = [word.replace("/run/envoy", str(folder)) for word in shlex.split(run)]
    validated = subprocess.run(
        [BIN / flags[0], *flags[1:], "--mode", "validate", "-l", "error"], capture_output=True, text=True, check=False
    )
    assert (validated.returncode, validated.stderr) == (0, "")


def test_envoy_listens_on_the_ports_that_are_published_to_this_machine_only() -> None:
    listeners = yaml.safe_load((ROOT / "envoy.yaml").read_text())["static_resources"]["listeners"]
    ports = {listener["address"]["socket_address"]["port_value"] for listener in listeners}
    assert STAGES["envoy"].ports == ports
    assert COMPOSE["services"]["envoy"]["ports"] == [f"127.0.0.1:{port}:{port}" for port in sorted(ports)]
    assert [name for name in OURS if "ports" in COMPOSE["services"][name]] == ["envoy"]


def test_what_a_service_names_is_declared() -> None:
    for name, service in COMPOSE["services"].items():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"]), name
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"]), name
        assert set(service.get("depends_on", {})) <= set(COMPOSE["services"]), name


def test_secrets_stay_out_of_the_repository() -> None:
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())


def test_the_dsn_that_the_first_lines_write_leads_to_the_database_that_compose_starts(tmp_path: Path) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    (form,) = re.findall(r"printf '(\S+)' \S+\(cat secrets/postgres_password\)\S* > secrets/jobstore_dsn", text)
    for purpose in (JOBS, USAGE):
        assert parse(form % "hidden", tmp_path, purpose).kind is Kind.POSTGRES
    given = COMPOSE["services"]["postgres"]["environment"]
    where = urlsplit(form)
    assert (where.hostname, where.username, where.path) == ("postgres", given["POSTGRES_USER"], f"/{given['POSTGRES_DB']}")
    assert given["POSTGRES_PASSWORD_FILE"] == "/run/secrets/postgres_password"
    assert COMPOSE["services"]["core"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_there_may_be_several_cores() -> None:
    core, environ = COMPOSE["services"]["core"], environment_of("core")
    assert {"container_name", "ports", "hostname"} & set(core) == set(), "only one container can have these"
    stores = [environ["CLI2API_JOBSTORE_DSN_FILE"], environ["CLI2API_USAGE_DSN_FILE"]]
    assert stores == ["/run/secrets/jobstore_dsn"] * 2, "what is in the state directory is shared, and these could not be"


def test_whatever_is_needed_at_the_start_is_started_without_asking() -> None:
    assert [name for name, service in COMPOSE["services"].items() if "profiles" in service] == []
