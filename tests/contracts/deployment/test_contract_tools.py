"""What stands around the contract holds: its documents, the comparison with main, the template for Go and Java, its README."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from cli2api.v1 import catalog_pb2, gateway_pb2, job_pb2, media_pb2, text_pb2, tunnel_pb2, usage_pb2
from google.protobuf.descriptor_pb2 import MethodOptions

from docs.generate.advice import ADVICE
from docs.generate.contract import nouns
from docs.generate.errors import Missing, errors
from docs.generate.page import page
from edge.errors import ROWS
from tests import breaking
from tests.check import documents_are_in_sync

ROOT: Final = Path(__file__).resolve().parents[3]
BUF: Final = Path(sys.executable).with_name("buf")
PROTOS: Final = (text_pb2, media_pb2, job_pb2, catalog_pb2, usage_pb2, gateway_pb2, tunnel_pb2)
TELLS: Final = """\
import sys
from google.protobuf.compiler import plugin_pb2
asked = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
answer = plugin_pb2.CodeGeneratorResponse(supported_features=1)
told = [f"{f.name} {f.options.go_package} {f.options.java_package} {f.options.java_multiple_files}" for f in asked.proto_file]
answer.file.add(name="told.txt", content="\\n".join([asked.parameter, " ".join(sorted(asked.file_to_generate)), *told]))
sys.stdout.buffer.write(answer.SerializeToString())
"""
"""A protoc plugin that writes down what it was asked."""


def test_the_documents_are_what_the_code_says() -> None:
    documents_are_in_sync()


def test_every_element_of_the_contract_is_in_the_reference() -> None:
    shown = (ROOT / "docs/reference/grpc.html").read_text()
    anchors = set(re.findall(r' id="([^"]+)"', shown))
    wanted = {
        *(f"{service.name}.{method.name}" for each in PROTOS for service in services(each) for method in service.methods),
        *(f"{message.name}.{field.name}" for each in PROTOS for message in messages(each) for field in message.fields),
    }
    assert wanted <= anchors
    assert set(re.findall(r'href="#([^"]+)"', shown)) <= anchors
    assert re.findall(r"<script|<link|<img|(?:src|href)=\"[^#]", shown) == []


def services(proto: Any) -> Any:
    return proto.DESCRIPTOR.services_by_name.values()


def messages(proto: Any) -> Any:
    return proto.DESCRIPTOR.message_types_by_name.values()


def test_every_reason_has_advice_and_none_is_left_over() -> None:
    assert set(ADVICE) == set(ROWS)


def test_a_reason_without_a_row_is_named_with_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = subprocess.run([BUF, "build", "--as-file-descriptor-set", "-o", "-"], cwd=ROOT, capture_output=True, check=True)
    contract = nouns(compiled.stdout)
    assert page(contract) == (ROOT / "docs/reference/grpc.html").read_text()
    monkeypatch.delitem(ADVICE, "BILLING")
    with pytest.raises(Missing, match=r"docs/generate/advice\.py has no row for BILLING"):
        errors(contract)


def test_the_readme_of_the_contract_says_of_every_method_whether_it_may_be_repeated() -> None:
    table = (ROOT / "proto/README.md").read_text().split("| method | may be repeated |", 1)[1].split("\n\n", 1)[0]
    told: dict[str, bool] = {}
    for cell, words in re.findall(r"^\| (`.*?) \| (.*) \|$", table, flags=re.MULTILINE):
        service, _, listed = cell.replace("`", "").partition(".")
        told |= {f"{service}.{method}": words.startswith("yes") for method in listed.split(", ")}
    promised = {
        f"{service.name}.{method.name}": method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
        for each in PROTOS
        for service in services(each)
        for method in service.methods
    }
    assert told == promised


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    """A repository of its own with the contract on main, laid out as the project is."""
    shutil.copytree(ROOT / "proto", tmp_path / "proto", ignore=shutil.ignore_patterns("*.py*", "__pycache__"))
    shutil.copytree(ROOT / "build/googleapis", tmp_path / "build/googleapis")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", "proto", "buf.yaml")
    git(tmp_path, "-c", "user.name=t", "-c", "user.email=t@t.test", "commit", "--quiet", "--message", "one")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def change(clone: Path, old: str, new: str) -> None:
    proto = clone / "proto/cli2api/v1/usage.proto"
    text = proto.read_text()
    assert old in text
    proto.write_text(text.replace(old, new))


def test_a_field_that_is_added_breaks_nobody(clone: Path) -> None:
    change(clone, "  int64 bytes_out = 8;", "  int64 bytes_out = 8;\n  // Output only. Bytes taken.\n  int64 bytes_in = 9;")
    assert breaking.against(clone) == "refs/heads/main"
    assert breaking.complaint("refs/heads/main", clone) == ""


def test_a_field_that_is_taken_away_is_named(clone: Path) -> None:
    change(clone, "  int64 bytes_out = 8;\n", "")
    assert 'field "8" with name "bytes_out" on message "UsageRow"' in breaking.complaint("refs/heads/main", clone)


def test_a_promise_of_repetition_that_is_taken_back_is_named(clone: Path) -> None:
    change(clone, "    option idempotency_level = NO_SIDE_EFFECTS;\n", "")
    assert "QueryUsage" in breaking.complaint("refs/heads/main", clone)


def test_a_clone_of_another_branch_is_compared_with_origin_s_main(clone: Path) -> None:
    git(clone, "update-ref", "refs/remotes/origin/main", "refs/heads/main")
    git(clone, "checkout", "--quiet", "-b", "work")
    git(clone, "branch", "--quiet", "-D", "main")
    assert breaking.against(clone) == "refs/remotes/origin/main"
    change(clone, "  int64 bytes_out = 8;\n", "")
    assert "bytes_out" in breaking.complaint("refs/remotes/origin/main", clone)


def test_where_there_is_no_main_nothing_is_compared(tmp_path: Path) -> None:
    assert breaking.against(tmp_path) == ""


def test_the_template_gives_go_and_java_their_files_and_names(tmp_path: Path) -> None:
    template = yaml.safe_load((ROOT / "buf.gen.yaml").read_text())
    assert {plugin["remote"].split("/", 1)[1] for plugin in template["plugins"]} == {
        "protocolbuffers/go",
        "grpc/go",
        "protocolbuffers/java",
        "grpc/java",
    }
    tells = tmp_path / "tells.py"
    tells.write_text(TELLS)
    for number, plugin in enumerate(template["plugins"]):
        del plugin["remote"]
        plugin |= {"local": [sys.executable, str(tells)], "out": str(tmp_path / str(number))}
    (tmp_path / "buf.gen.yaml").write_text(yaml.safe_dump(template))

    done = subprocess.run(
        [BUF, "generate", "proto", "--template", tmp_path / "buf.gen.yaml"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    for number in range(len(template["plugins"])):
        asked, files, *options = (tmp_path / str(number) / "told.txt").read_text().splitlines()
        assert asked == ("paths=source_relative" if number < 2 else "")
        ours = sorted(f"cli2api/v1/{path.name}" for path in (ROOT / "proto/cli2api/v1").glob("*.proto"))
        assert files.split() == ours
        named = {name: rest for name, *rest in map(str.split, options)}
        assert {tuple(named[name]) for name in ours} == {("cli2api/gen/go/cli2api/v1;cli2apiv1", "io.cli2api.v1", "True")}
        assert named["google/api/annotations.proto"][1] == "com.google.api"
