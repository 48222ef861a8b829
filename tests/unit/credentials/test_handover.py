"""The direct way is open exactly while Envoy has a credential that is not known to be refused."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from services.credentials.handover import REST, Handover, prepare
from tests.hosts import ScriptedCredentials
from tests.worlds import FakeClock


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    prepare(tmp_path / "direct", "w")
    return tmp_path / "direct"


def resource(folder: Path, name: str) -> dict[str, Any]:
    (found,) = json.loads((folder / name).read_bytes())["resources"]
    return dict(found)


def is_open(folder: Path) -> bool:
    return bool(resource(folder, "runtime.yaml")["layer"]["text.direct"] == 100)


def secret(folder: Path, name: str) -> str:
    return str(resource(folder, name)["generic_secret"]["secret"]["inline_string"])


def test_a_prepared_folder_is_closed_holds_no_credential_and_is_for_its_owner_alone(folder: Path) -> None:
    assert not is_open(folder)
    assert secret(folder, "key.yaml") == "none"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


async def test_a_credential_is_handed_over_in_both_forms(folder: Path) -> None:
    await Handover(ScriptedCredentials("muk-1"), folder, FakeClock()).look()
    assert (secret(folder, "bearer.yaml"), secret(folder, "key.yaml")) == ("Bearer muk-1", "muk-1")
    assert is_open(folder)


async def test_a_refused_credential_is_renewed_once_and_the_new_one_handed_over(folder: Path) -> None:
    credentials = ScriptedCredentials("muk-1", "muk-2")
    handover = Handover(credentials, folder, FakeClock())
    await handover.look()

    await handover.refused()

    assert secret(folder, "key.yaml") == "muk-2"
    assert is_open(folder)
    assert [token for _, token in credentials.refusals] == ["muk-1"]


async def test_a_credential_that_cannot_be_renewed_closes_the_way_for_a_while(folder: Path) -> None:
    credentials, clock = ScriptedCredentials("muk-1"), FakeClock()
    handover = Handover(credentials, folder, clock)
    await handover.look()

    await handover.refused()
    await handover.refused()  # a call that was under way tells of it too
    await handover.look()
    assert not is_open(folder)
    assert len(credentials.refusals) == 1

    clock.jump(REST + 1)
    await handover.look()
    assert is_open(folder)
