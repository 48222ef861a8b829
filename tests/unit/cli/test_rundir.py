"""One gateway to a state directory."""

from pathlib import Path

import pytest

from cli import rundir
from cli.errors import StartFailed


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with rundir.taken(tmp_path / "deep" / "state") as run:
        assert run == tmp_path / "deep" / "state" / "run"
        assert run.stat().st_mode & 0o777 == 0o700


def test_a_second_gateway_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    with (
        rundir.taken(tmp_path),
        pytest.raises(StartFailed, match="another gateway runs on"),
    ):
        rundir.taken(tmp_path).__enter__()
    with rundir.taken(tmp_path):
        pass


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")

    with pytest.raises(StartFailed, match=r"CLI2API_STATE_DIR is .*state, which cannot be used"):
        rundir.taken(tmp_path / "state").__enter__()
